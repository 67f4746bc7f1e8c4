import type { CaptureFault, Device } from './capture.ts';
import type { ConnectionState, Refusal } from './connection_state.ts';

/* What the page knows: everything it shows follows from this. */
export interface Situation {
  connection: ConnectionState;
  source: 'camera' | 'screen';
  picture: 'none' | 'asking' | 'there';
  hasSound: boolean;
  fault: { device: Device; fault: CaptureFault } | null; /* of the last attempt to get a picture or a sound */
  hasKey: boolean; /* or may start a session of its own */
  starting: boolean; /* a session of its own is being made */
  startRefusal: Refusal | null;
  streamedMs: number | null; /* how long the last publication lasted, once it was stopped */
  online: boolean;
}

export type Mood = 'calm' | 'busy' | 'live' | 'trouble';

export interface Words {
  heading: string;
  text: string;
}

export interface View extends Words {
  mood: Mood;
  badge: string; /* on the picture; empty: none */
  action: 'go' | 'stop';
  actionEnabled: boolean;
  showsSetup: boolean; /* key, title and who may watch */
  placeholder: Words | null; /* in place of the picture */
  offersPicture: boolean; /* the placeholder has a button that asks for it */
}

const names: Record<Device, string> = { camera: 'camera', microphone: 'microphone', screen: 'screen' };

export function faultWords(device: Device, fault: CaptureFault): Words {
  const name = names[device];
  if (device === 'screen' && fault === 'refused')
    return { heading: 'No screen was chosen', text: 'Press the button again and choose a window, a tab or the whole screen.' };
  switch (fault) {
    case 'insecure':
      return { heading: 'This page needs a secure address', text: 'Browsers give the camera only to addresses that begin with https://. Open this page by such an address, or on the computer Porthole runs on.' };
    case 'incapable':
      return { heading: 'This browser cannot go live', text: 'It is built without WebRTC, which sends the picture. Please try a current Chrome, Edge, Firefox or Safari.' };
    case 'unsupported':
      return { heading: `This browser cannot use the ${name}`, text: device === 'screen' ? 'Phones cannot share their screen from a web page. Use the camera, or a computer.' : 'Please try a current Chrome, Edge, Firefox or Safari.' };
    case 'forbidden':
      return { heading: `The ${name} is switched off for the browser`, text: `Allow it in the privacy settings of this device, then try again.` };
    case 'refused':
      return { heading: `The ${name} is blocked`, text: 'Allow it for this page (the sign beside the address), then try again.' };
    case 'missing':
      return { heading: `No ${name} was found`, text: device === 'camera' ? 'Plug one in and try again, or share the screen.' : 'Plug one in and choose it here. Without it the stream is silent.' };
    case 'busy':
      return { heading: `The ${name} does not answer`, text: 'Another program may be using it. Close that one, then try again.' };
  }
}

/* A refusal in words: ours for the heading, the server's for what to do, where it says something. */
export function refusalWords({ status, detail }: Refusal): Words {
  const words = (heading: string, text: string): Words => ({ heading, text: detail === '' ? text : detail });
  switch (status) {
    case null:
      return words('The network lets no picture through', 'The page loads, but the way for the picture is blocked. Try another network, or ask whoever runs this one.');
    case 0:
      return words('The server cannot be reached', 'Trying again by itself.');
    case 401:
      return words('The stream key is not right', 'Copy it once more from the app. A key belongs to one session, and ends with it.');
    case 403:
      return words('This key can no longer go live', 'Start a new session in the app and paste its key.');
    case 404:
      return words('This server takes no pictures from browsers', 'Ask whoever runs it.');
    case 409:
      return words('This key is live somewhere else', 'Stop it there. If that was this page a moment ago, it frees itself in seconds.');
    case 410:
      return words('The session is over', 'Start a new one in the app and paste its key.');
    case 429:
      return words('Too many attempts', 'Waiting a little before the next.');
    case 503:
      return words('The server is full', 'Trying again by itself until there is room.');
    default:
      return status >= 500
        ? words('The server has a problem', 'Trying again by itself.')
        : words('The server cannot use this picture', 'Try another browser.');
  }
}

function connectionWords({ connection, online, hasSound }: Situation): Words & { mood: Mood; badge: string } {
  switch (connection.phase) {
    case 'opening':
      if (connection.attempt === 0) return { heading: 'Connecting…', text: 'The first picture is on its way.', mood: 'busy', badge: 'Connecting' };
      return { heading: connection.wasLive ? 'Reconnecting…' : 'Trying again…', text: 'Just a moment.', mood: 'busy', badge: 'Reconnecting' };
    case 'live':
      return { heading: 'You are live', text: hasSound ? 'Picture and sound are on their way to your viewers.' : 'Your viewers see the picture, without sound.', mood: 'live', badge: 'Live' };
    case 'mending':
      return { heading: 'The connection is shaky', text: 'Looking for a better way. Viewers see the last picture for a moment.', mood: 'busy', badge: 'Reconnecting' };
    case 'waiting': {
      if (!online) return { heading: 'You are offline', text: 'It goes on by itself as soon as the network is back.', mood: 'busy', badge: 'Offline' };
      if (connection.refusal === null) return { heading: 'Reconnecting…', text: 'Just a moment.', mood: 'busy', badge: 'Reconnecting' };
      return { ...refusalWords(connection.refusal), mood: 'busy', badge: 'Trying again' };
    }
    case 'failed':
      return { ...refusalWords(connection.refusal), mood: 'trouble', badge: '' };
    case 'idle':
      return { heading: '', text: '', mood: 'calm', badge: '' };
  }
}

function readyWords({ picture, hasKey, fault, source, streamedMs, starting, startRefusal, hasSound }: Situation): Words & { mood: Mood } {
  if (starting) return { heading: 'Starting a session…', text: '', mood: 'busy' };
  if (startRefusal) {
    if (startRefusal.status === 401 || startRefusal.status === 403)
      return { heading: 'Your invitation does not let you go live', text: 'Open the link you were sent once more, or paste a stream key.', mood: 'trouble' };
    return { ...refusalWords(startRefusal), mood: 'trouble' };
  }
  if (fault && (picture === 'there' || fault.device !== 'microphone')) return { ...faultWords(fault.device, fault.fault), mood: 'trouble' };
  if (streamedMs !== null) return { heading: 'You are no longer live', text: 'The camera still shows you here, and nobody else.', mood: 'calm' };
  if (picture !== 'there') return { heading: 'First, a picture', text: source === 'camera' ? 'Turn on the camera.' : 'Choose what to share.', mood: 'calm' };
  if (!hasKey) return { heading: 'Now the stream key', text: 'The app shows it when a session is started.', mood: 'calm' };
  return { heading: 'Ready', text: hasSound ? 'Nobody sees you yet.' : 'Nobody sees you yet. There is no sound.', mood: 'calm' };
}

function placeholderOf({ picture, source, fault }: Situation): Words | null {
  if (picture === 'there') return null;
  if (picture === 'asking') return { heading: source === 'camera' ? 'Say yes to your browser' : 'Choose what to share', text: 'It asks whether this page may see it.' };
  if (fault && fault.device !== 'microphone') return faultWords(fault.device, fault.fault);
  return source === 'camera'
    ? { heading: 'Your picture appears here', text: 'Only you see it until you go live.' }
    : { heading: 'Your screen appears here', text: 'Only you see it until you go live.' };
}

export function viewOf(situation: Situation): View {
  const { connection, picture, hasKey, starting, source, fault } = situation;
  const isOff = connection.phase === 'idle' || connection.phase === 'failed';
  const words = connection.phase === 'idle' ? { ...readyWords(situation), badge: '' } : connectionWords(situation);
  const cannot = fault?.fault === 'insecure' || fault?.fault === 'incapable' || (fault?.fault === 'unsupported' && fault.device === source);
  return {
    ...words,
    action: isOff ? 'go' : 'stop',
    actionEnabled: isOff ? picture === 'there' && hasKey && !starting : true,
    showsSetup: isOff && !starting,
    placeholder: placeholderOf(situation),
    offersPicture: picture === 'none' && !cannot,
  };
}

/* "0:07", "12:40", "1:02:03". */
export function timerText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const two = (value: number): string => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
