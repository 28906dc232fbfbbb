import { installClients } from '../clients/install.ts'

/** `npm run clients [-- CLIENT…]`: installs other people's Kafka clients into .cache/clients, for test/clients. */
process.exitCode = (await installClients(process.argv.slice(2))) ? 0 : 1
