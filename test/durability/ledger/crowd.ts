/**
 * A process full of clients, which outlives the broker: those who write or those who read, as its argument says. It
 * tells the test what they have noted.
 */
import type { FromCrowd, Side, ToCrowd } from './crowd-protocol.js';
import { type Entry, type Note, nowUs } from './entries.js';
import { createMqttJsReaders, createMqttJsWriters } from './mqtt-js.js';
import { Place } from './place.js';
import { Random } from './random.js';
import { createReaders, type Reader } from './readers.js';
import { createWriters, type Writer } from './writers.js';

const TELL_MS = 50;
const ACT_MS = 10;

const tell = (message: FromCrowd): void => void process.send?.(message);

let entries: Entry[] = [];
const note: Note = (event) => void entries.push({ ...event, atUs: nowUs() });

function tellEntries(): void {
  const told = entries;
  entries = [];
  if (told.length > 0) tell({ kind: 'entries', entries: told });
}

function done(kind: 'settled' | 'finished'): void {
  tellEntries();
  tell({ kind });
}

/** One of the two halves of the crowd. */
interface Half {
  start(): void;
  finish(): void;
}

function writing(place: Place, random: Random): Half {
  const writers: Writer[] = [
    ...createWriters(place, note, random),
    ...createMqttJsWriters(place, note, random),
  ];
  let acting: NodeJS.Timeout | undefined;
  done('settled');
  return {
    start: () => {
      acting = setInterval(() => {
        for (const writer of writers) writer.act();
      }, ACT_MS);
    },
    finish: () => {
      clearInterval(acting);
      const waiting = setInterval(() => {
        if (!writers.every((writer) => writer.finish())) return;
        clearInterval(waiting);
        done('finished');
      }, ACT_MS);
    },
  };
}

function reading(place: Place, random: Random): Half {
  const readers: Pick<Reader, 'settled' | 'start' | 'finish'>[] = [
    ...createReaders(place, note, random),
    ...createMqttJsReaders(place, note),
  ];
  void Promise.all(readers.map(({ settled }) => settled)).then(() => done('settled'));
  return {
    start: () => {
      for (const reader of readers) reader.start();
    },
    finish: () => {
      void Promise.all(readers.map((reader) => reader.finish())).then(() => done('finished'));
    },
  };
}

const side = process.argv[2] as Side;
let place: Place | null = null;
let half: Half | null = null;

process.on('message', (message: ToCrowd) => {
  switch (message.kind) {
    case 'begin': {
      const random = new Random(message.seed);
      place = new Place(() => random.next());
      half = side === 'writers' ? writing(place, random) : reading(place, random);
      break;
    }
    case 'moved':
      place?.moved(message.port);
      break;
    case 'start':
      half?.start();
      break;
    case 'finish':
      half?.finish();
      break;
  }
});
// The test may have been ended from outside.
process.on('disconnect', () => process.exit());
setInterval(tellEntries, TELL_MS);
