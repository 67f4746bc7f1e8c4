import type { Quality } from './quality.ts';

/* Camera, microphone and screen, and why one of them cannot be had. */
export type Device = 'camera' | 'microphone' | 'screen';
export type CaptureFault = 'insecure' | 'incapable' | 'unsupported' | 'refused' | 'forbidden' | 'missing' | 'busy';

export class CaptureError extends Error {
  readonly device: Device;
  readonly fault: CaptureFault;

  constructor(device: Device, fault: CaptureFault) {
    super(`${device}: ${fault}`);
    this.device = device;
    this.fault = fault;
  }
}

/* The fault behind what getUserMedia and getDisplayMedia throw. */
export function faultOf(error: unknown): CaptureFault {
  const { name, message } = error instanceof Error ? error : { name: '', message: '' };
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return /system|platform|permissions policy/i.test(message) ? 'forbidden' : 'refused';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'TypeError':
    case 'NotSupportedError':
      return 'unsupported';
    default:
      return 'busy';
  }
}

export const canShareScreen = (): boolean => typeof navigator.mediaDevices?.getDisplayMedia === 'function';

/* Why this browser can send nothing at all from here, null when it can: where the page was not opened over https, browsers hide the
 * devices, and some are built without WebRTC. */
export function obstacle(): 'insecure' | 'incapable' | null {
  if (!window.isSecureContext) return 'insecure';
  return navigator.mediaDevices && typeof RTCPeerConnection === 'function' ? null : 'incapable';
}

function devices(device: Device): MediaDevices {
  const fault = obstacle();
  if (fault !== null) throw new CaptureError(device, fault);
  return navigator.mediaDevices;
}

async function capture(device: Device, open: (from: MediaDevices) => Promise<MediaStream>): Promise<MediaStream> {
  const from = devices(device);
  try {
    return await open(from);
  } catch (error) {
    throw new CaptureError(device, faultOf(error));
  }
}

const pictureConstraints = ({ width, height, frameRate }: Quality): MediaTrackConstraints => ({
  width: { ideal: width },
  height: { ideal: height },
  frameRate: { ideal: frameRate, max: frameRate },
});

/* The chosen device or, when none was chosen or it is gone, whichever the browser gives. */
const chosen = (id: string): MediaTrackConstraints => (id === '' ? {} : { deviceId: { ideal: id } });

export async function openCamera(id: string, quality: Quality): Promise<MediaStreamTrack> {
  const video = { ...pictureConstraints(quality), ...chosen(id) };
  const stream = await capture('camera', (from) => from.getUserMedia({ video }));
  return firstTrack(stream.getVideoTracks(), 'camera');
}

export async function openMicrophone(id: string): Promise<MediaStreamTrack> {
  const stream = await capture('microphone', (from) => from.getUserMedia({ audio: chosen(id) }));
  return firstTrack(stream.getAudioTracks(), 'microphone');
}

/* Both with one question to the user. Fails when there is one of them only. */
export async function openCameraAndMicrophone(camera: string, microphone: string, quality: Quality): Promise<[MediaStreamTrack, MediaStreamTrack]> {
  const video = { ...pictureConstraints(quality), ...chosen(camera) };
  const stream = await capture('camera', (from) => from.getUserMedia({ video, audio: chosen(microphone) }));
  return [firstTrack(stream.getVideoTracks(), 'camera'), firstTrack(stream.getAudioTracks(), 'microphone')];
}

/* A screen, a window or a tab, with its sound where the browser shares that. */
export async function openScreen(quality: Quality): Promise<{ video: MediaStreamTrack; audio: MediaStreamTrack | null }> {
  if (obstacle() === null && !canShareScreen()) throw new CaptureError('screen', 'unsupported');
  const sound = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await capture('screen', (from) => from.getDisplayMedia({ video: pictureConstraints(quality), audio: sound }));
  return { video: firstTrack(stream.getVideoTracks(), 'screen'), audio: stream.getAudioTracks()[0] ?? null };
}

function firstTrack(tracks: MediaStreamTrack[], device: Device): MediaStreamTrack {
  const track = tracks[0];
  if (!track) throw new CaptureError(device, 'missing');
  /* A game moves: better fewer details than fewer pictures. */
  if (track.kind === 'video') track.contentHint = 'motion';
  return track;
}

/* What can be chosen; names are empty until something was allowed. */
export async function listDevices(kind: 'videoinput' | 'audioinput'): Promise<{ id: string; name: string }[]> {
  if (!navigator.mediaDevices?.enumerateDevices) return [];
  const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  const usual = kind === 'videoinput' ? 'Camera' : 'Microphone';
  return all
    .filter((device) => device.kind === kind && device.deviceId !== '')
    .map(({ deviceId, label }, index) => ({ id: deviceId, name: label || `${usual} ${index + 1}` }));
}
