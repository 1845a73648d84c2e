const q = req.query.id;
function f(v) {
  db.query("SELECT " + v);
}
f(q);
