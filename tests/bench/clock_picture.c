/* Pictures that carry the time they were made: raw yuv420p frames on stdout, in real time.
 *
 *     clock_picture WIDTH HEIGHT FPS SECONDS
 *
 * The top of each picture holds two rows of 24 blocks, each 1/24 of the width wide and half as high as wide:
 * white is 1, black is 0. Together they are 48 bits, most significant first: the low 44 bits of the UTC
 * milliseconds when the picture was made, then 4 bits of checksum (the sum of the eleven hexadecimal digits).
 * What is below the blocks scrolls, with grain, so that an encoder has work. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { blocks_in_row = 24, block_rows = 2, bits = blocks_in_row * block_rows };

static uint64_t utc_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t code_of(uint64_t ms) {
    uint64_t value = ms & 0xfffffffffffULL, sum = 0;
    for (int digit = 0; digit < 11; digit++)
        sum += value >> (4 * digit) & 15;
    return value << 4 | (sum & 15);
}

static void draw_background(uint8_t *luma, int width, int height, uint64_t frame) {
    static uint32_t noise = 1;
    for (int y = 0; y < height; y++) {
        uint8_t *row = luma + (size_t)y * (size_t)width;
        for (int x = 0; x < width; x++) {
            noise = noise * 1664525 + 1013904223;
            unsigned texture = ((unsigned)x + (unsigned)frame * 6) ^ ((unsigned)y + (unsigned)frame * 3);
            row[x] = (uint8_t)(48 + (texture & 127) + (noise >> 28));
        }
    }
}

static void draw_code(uint8_t *luma, int width, uint64_t code) {
    int block_width = width / blocks_in_row, block_height = block_width / 2;
    for (int bit = 0; bit < bits; bit++) {
        uint8_t value = code >> (bits - 1 - bit) & 1 ? 235 : 16;
        int left = bit % blocks_in_row * block_width, top = bit / blocks_in_row * block_height;
        for (int y = 0; y < block_height; y++)
            memset(luma + (size_t)(top + y) * (size_t)width + left, value, (size_t)block_width);
    }
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: clock_picture WIDTH HEIGHT FPS SECONDS\n");
        return 2;
    }
    int width = atoi(argv[1]), height = atoi(argv[2]), fps = atoi(argv[3]), seconds = atoi(argv[4]);
    if (width < 240 || height < 120 || fps < 1 || seconds < 1 || width % 2 || height % 2)
        return 2;
    size_t luma_bytes = (size_t)width * (size_t)height, frame_bytes = luma_bytes * 3 / 2;
    uint8_t *picture = malloc(frame_bytes);
    if (!picture)
        return 1;
    memset(picture + luma_bytes, 128, frame_bytes - luma_bytes);
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    for (uint64_t frame = 0; frame < (uint64_t)fps * (uint64_t)seconds; frame++) {
        draw_background(picture, width, height, frame);
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0) {
        }
        draw_code(picture, width, code_of(utc_ms()));
        if (fwrite(picture, 1, frame_bytes, stdout) != frame_bytes || fflush(stdout))
            break; /* the reader is gone */
        due.tv_nsec += 1000000000 / fps;
        if (due.tv_nsec >= 1000000000) {
            due.tv_nsec -= 1000000000;
            due.tv_sec++;
        }
    }
    free(picture);
    return 0;
}
