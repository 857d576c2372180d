/** What `import 'shardmq'` gives. */
export type { Ban, BanKind, BanName } from './access/ban.js';
export type { BanRequest, Bans } from './access/bans.js';
export { type BackupOptions, backup } from './backup/backup.js';
export type { BackupInfo } from './backup/backup-file.js';
export { type RestoreOptions, restore } from './backup/restore.js';
export type { ErrorCode } from './base/errors.js';
export { BrokerError } from './base/errors.js';
export type { LogFields, Logger } from './base/log.js';
export { startBroker } from './broker.js';
export type { Broker, BrokerOptions, OpenListener } from './broker-api.js';
export type * from './plugins/api.js';
