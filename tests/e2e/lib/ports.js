// Ports of 127.0.0.1 for what a scenario serves. They lie below those that the kernel gives to clients and to whoever asks for any port,
// and who was given one holds its number at another address of the loopback until its process ends: nobody else gets it, neither before
// it is used nor while its server is started again.
import dgram from 'node:dgram';
import net from 'node:net';
import { randomInt } from 'node:crypto';

const first = 20_100; // scripts/lib/s3.sh takes those below
const end = 32_768;
const home = '127.0.0.1';
const holders = '127.0.0.2';

/** A listening server, or undefined when somebody else has the port. */
const listen = (port, address) =>
  new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(undefined));
    server.listen(port, address, () => resolve(server));
  });

const bind = (port) =>
  new Promise((resolve) => {
    const socket = dgram.createSocket('udp4').once('error', () => resolve(undefined));
    socket.bind(port, home, () => resolve(socket));
  });

const closed = (one) => new Promise((resolve) => one.close(resolve));

async function isFree(port) {
  const found = [await listen(port, home), await bind(port)];
  await Promise.all(found.map((one) => one && closed(one)));
  return found.every(Boolean);
}

/** Free for UDP and for TCP. */
export async function freePort() {
  for (;;) {
    const port = randomInt(first, end);
    const holder = await listen(port, holders);
    if (!holder) continue;
    holder.unref();
    if (await isFree(port)) return port;
    holder.close();
  }
}
