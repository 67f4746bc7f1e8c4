// A publisher over WHIP as a process of its own: libdatachannel carries RTP that it gets on two local UDP ports, untouched but
// for payload type and SSRC. Arguments: JSON {url, key, candidates}; says what happens as one JSON object a line.
//   SIGTERM  deletes the resource and ends      SIGKILL  as a headset that lost its battery
//   SIGUSR2  its clock leaps: all timestamps are 0.6 s further from here on
import dgram from 'node:dgram';
import ndc from 'node-datachannel';
import { keepCandidates } from './whip_sdp.js';

const { url, key, candidates = {} } = JSON.parse(process.argv[2]);
const streams = {
  video: { payloadType: 96, ssrc: 0x11110001, rate: 90_000 },
  audio: { payloadType: 111, ssrc: 0x22220002, rate: 48_000 },
};
let leaptSeconds = 0;
process.on('SIGUSR2', () => { leaptSeconds += 0.6; });
const say = (event, more = {}) => process.stdout.write(`${JSON.stringify({ event, at: Date.now(), ...more })}\n`);

ndc.preload();
const peer = new ndc.PeerConnection('publisher', { iceServers: [], disableAutoNegotiation: true, bindAddress: '127.0.0.1' });

function addTrack(kind, media) {
  const stream = streams[kind];
  media.addSSRC(stream.ssrc, 'publisher', 'publisher', kind);
  stream.track = peer.addTrack(media);
  stream.track.setMediaHandler(new ndc.RtcpNackResponder());
  return stream.track;
}

const video = new ndc.Video('0', 'SendOnly');
video.addH264Codec(streams.video.payloadType);
const audio = new ndc.Audio('1', 'SendOnly');
audio.addOpusCodec(streams.audio.payloadType);
const videoTrack = addTrack('video', video);
addTrack('audio', audio);

/** RTP comes in on one port and RTCP on the next of its own: both leave with our SSRC. */
async function listen(kind) {
  const { track, ssrc, payloadType, rate } = streams[kind];
  const leap = (bytes, at) => bytes.writeUInt32BE((bytes.readUInt32BE(at) + Math.round(leaptSeconds * rate)) >>> 0, at);
  const open = () => new Promise((resolve) => {
    const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
    socket.bind(0, '127.0.0.1', () => resolve(socket));
  });
  const [rtp, rtcp] = [await open(), await open()];
  rtp.on('message', (bytes) => {
    bytes[1] = (bytes[1] & 0x80) | payloadType;
    leap(bytes, 4);
    bytes.writeUInt32BE(ssrc, 8);
    if (track.isOpen()) track.sendMessageBinary(bytes);
  });
  rtcp.on('message', (bytes) => {
    const isSenderReport = bytes.length >= 28 && bytes[1] === 200;
    if (!isSenderReport || !track.isOpen()) return;
    leap(bytes, 16);
    bytes.writeUInt32BE(ssrc, 4);
    track.sendMessageBinary(bytes.subarray(0, 28 + (bytes[0] & 31) * 24));
  });
  return { rtp: rtp.address().port, rtcp: rtcp.address().port };
}

let location;
async function end() {
  if (location) await fetch(location, { method: 'DELETE', headers: { authorization: `Bearer ${key}` } }).catch(() => undefined);
  peer.close();
  say('ended');
  process.exit(0);
}
process.on('SIGTERM', () => void end());

peer.onStateChange((state) => say('state', { state }));
videoTrack.onOpen(async () => say('open', { ports: { video: await listen('video'), audio: await listen('audio') } }));
peer.onGatheringStateChange(async (state) => {
  if (state !== 'complete') return;
  const postedAt = Date.now();
  const answer = await fetch(url, {
    method: 'POST', headers: { 'content-type': 'application/sdp', authorization: `Bearer ${key}` }, body: peer.localDescription().sdp,
  });
  const body = await answer.text();
  say('answered', { status: answer.status, postedAt, ...(answer.status !== 201 && { body }) });
  if (answer.status !== 201) process.exit(3);
  location = new URL(answer.headers.get('location'), url).href;
  peer.setRemoteDescription(keepCandidates(body, candidates), 'answer');
});
peer.setLocalDescription('offer');
setInterval(() => undefined, 60_000);
