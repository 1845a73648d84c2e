package examine

import (
	"context"

	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// Parsers read formats that need a library: in a server, in processes without credentials. What is nil is read in this
// process.
type Parsers struct {
	YAML     strictyaml.Parser
	Catalogs ownership.CatalogParser
}

// Read reads files of YAML by YAML.
func (p Parsers) Read(ctx context.Context, files ...strictyaml.Source) ([]strictyaml.Document, error) {
	if p.YAML == nil {
		return strictyaml.Here(ctx, files)
	}
	return p.YAML(ctx, files)
}

func (p Parsers) catalogs(ctx context.Context, texts [][]byte) ([]ownership.Catalog, error) {
	if p.Catalogs == nil {
		return ownership.ParseCatalogs(ctx, texts)
	}
	return p.Catalogs(ctx, texts)
}
