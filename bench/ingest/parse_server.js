// parse-server on a PostgreSQL that listens on a unix socket, with the least it asks for. The settings come as JSON.
'use strict';

const { readFileSync } = require('fs');
const express = require('express');
const FSFilesAdapter = require('@parse/fs-files-adapter');
const { ParseServer } = require('parse-server');
const { default: PostgresStorageAdapter } = require('parse-server/lib/Adapters/Storage/Postgres/PostgresStorageAdapter');

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));

async function main() {
  const server = new ParseServer({
    appId: settings.appId,
    masterKey: settings.masterKey,
    restAPIKey: settings.restKey,
    serverURL: `http://127.0.0.1:${settings.port}/parse`,
    databaseAdapter: new PostgresStorageAdapter({ uri: settings.databaseURI, databaseOptions: settings.databaseOptions }),
    filesAdapter: new FSFilesAdapter(),  // has to be named beside a database adapter
    verbose: false,
    silent: true,
    logLevel: 'error',
    logsFolder: null,
    enforcePrivateUsers: true,
    allowClientClassCreation: false,
  });
  await server.start();
  const app = express();
  app.use('/parse', server.app);
  app.listen(settings.port, '127.0.0.1', () => console.log('listening'));
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
