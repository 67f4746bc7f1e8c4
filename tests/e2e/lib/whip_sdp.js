// Answers as a test wants them: one transport alone, or through a relay.

/** Keeps the candidates over `transport` ("udp", "tcp"; both when undefined), and leads them to `port` when one is given. */
export function keepCandidates(sdp, { transport, port } = {}) {
  const isKept = (line) => {
    const over = /^a=candidate:\S+ \d+ (\S+) /.exec(line)?.[1].toLowerCase();
    return over === undefined || transport === undefined || over === transport;
  };
  const lead = (line) => (port ? line.replace(/^(a=candidate:\S+ \d+ \S+ \d+ )\S+ \d+/, `$1127.0.0.1 ${port}`) : line);
  return sdp.split('\r\n').filter(isKept).map(lead).join('\r\n');
}

/** Through a relay there is only UDP. */
export const throughRelay = (relay) => ({ transport: 'udp', port: relay.port });
