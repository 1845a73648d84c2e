package database

type UserType int

const (
	UserTypeIndividual UserType = iota
	UserTypeOrganization
)
