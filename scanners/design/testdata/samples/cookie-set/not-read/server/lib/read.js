const session = req.cookies.token;
// res.cookie('token', value)
