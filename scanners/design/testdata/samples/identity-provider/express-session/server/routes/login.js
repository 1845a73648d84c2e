router.post('/login', async (req, res) => {
  const user = await find(req.body);
  req.session.userId = user.id;
});
