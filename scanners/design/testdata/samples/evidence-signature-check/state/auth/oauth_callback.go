package auth

func callback(r *request) error {
	if r.FormValue("state") != session.State {
		return errState
	}
	return nil
}
