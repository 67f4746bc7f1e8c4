// Ports that are free at the moment of asking.
import dgram from 'node:dgram';
import net from 'node:net';

export const freeTcpPort = () =>
  new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

export const freeUdpPort = () =>
  new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4').once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });

/** Free for UDP and for TCP. */
export async function freePort() {
  for (;;) {
    const port = await freeTcpPort();
    const isFree = await new Promise((resolve) => {
      const socket = dgram.createSocket('udp4').once('error', () => resolve(false));
      socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
