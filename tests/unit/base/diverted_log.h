/* What is logged goes into a pipe instead of standard error. */
#ifndef PH_TEST_DIVERTED_LOG_H
#define PH_TEST_DIVERTED_LOG_H

/* The pipe's end that is read. */
extern int diverted_log;

/* `flags` as of pipe2(). 0 or -1. */
int divert_log(int flags);
void restore_log(void);

#endif
