// nginx serving files from disk, as it is set up for speed: what delivery is compared to.
import fs from 'node:fs';
import path from 'node:path';
import { request } from '../../e2e/lib/http.js';
import { freePort } from '../../e2e/lib/ports.js';
import { waitFor } from '../../e2e/lib/wait.js';

/** Serves a folder until the stage ends; returns its base URL. */
export async function startNginx(stage, folder) {
  const port = await freePort();
  const home = stage.dataDir('nginx');
  fs.writeFileSync(path.join(home, 'nginx.conf'), `
    worker_processes auto; daemon off; pid ${home}/pid; error_log ${home}/error.log;
    events { worker_connections 20000; }
    http {
      access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; open_file_cache max=1000;
      types { application/vnd.apple.mpegurl m3u8; video/mp4 mp4 m4s; }
      client_body_temp_path ${home}/1; proxy_temp_path ${home}/2; fastcgi_temp_path ${home}/3; uwsgi_temp_path ${home}/4; scgi_temp_path ${home}/5;
      server { listen 127.0.0.1:${port} reuseport backlog=4096; root ${folder}; }
    }`);
  // Workers run as another user, who has to reach the files.
  fs.chmodSync(stage.folder, 0o755);
  stage.child('/usr/sbin/nginx', ['-p', home, '-c', path.join(home, 'nginx.conf'), '-e', path.join(home, 'error.log')], { name: 'nginx' });
  await waitFor('nginx to answer', () => request(`http://127.0.0.1:${port}/`).then(() => true), { within: 10_000 });
  return `http://127.0.0.1:${port}`;
}
