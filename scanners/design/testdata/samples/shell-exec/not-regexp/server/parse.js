const { fork } = require('child_process');
const found = /a(b)/.exec(text);
const rows = db.exec('select 1');
