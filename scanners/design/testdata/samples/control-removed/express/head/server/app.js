const helmet = require('helmet');
app.use(helmet());
app.get('/admin', list);
