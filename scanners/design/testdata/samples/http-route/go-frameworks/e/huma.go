package e

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

func add(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "create-note",
		Method:      http.MethodPost,
		Path:        "/notes",
	}, createNote)
	huma.Get(api, "/notes/{id}", getNote)
}
