import cors from 'cors';
// app.use(cors());
app.use(cors({ origin: [] }));
