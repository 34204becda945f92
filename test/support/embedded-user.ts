// One user of the embedded database, as a program: `embedded-user.ts FOLDER`.
import { startEmbedded } from '../../src/store/embedded/embedded.ts';

try {
  const server = await startEmbedded(process.argv[2] as string);
  console.log(`up ${server.socket}`);
  process.on('SIGTERM', () => {
    server.release();
    process.exit();
  });
  setInterval(() => {}, 1 << 30);
} catch (error) {
  console.log(`${(error as { code?: string }).code}: ${(error as Error).message}`);
  process.exitCode = 1;
}
