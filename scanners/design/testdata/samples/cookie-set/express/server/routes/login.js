router.post('/login', (req, res) => {
  res.cookie('token', issue(req.user), { httpOnly: true });
  res.redirect('/');
});
