const { execFile } = require('child_process');

module.exports = (name, done) => execFile('ffmpeg', ['-i', name, 'out.mp4'], done);
