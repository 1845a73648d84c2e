package server

import "github.com/robfig/cron/v3"

func (s *Server) jobs() {
	c := cron.New()
	c.AddFunc("@hourly", s.purgeSessions)
	c.Start()
}
