package app_test

import (
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/scanners/catalog"
)

// TestNoContentWithoutASandbox: where no process without credentials can be started, the App does not start, and says
// so in one sentence. There is no bubblewrap on the PATH of these tests.
func TestNoContentWithoutASandbox(t *testing.T) {
	t.Parallel()
	pool, err := app.NewContent(t.Context(), app.Config{Workers: 1, Catalog: catalog.Options{Sandbox: "bwrap"}}, nil)
	if err == nil {
		pool.Close()
		t.Fatal("it starts")
	}
	if !strings.HasPrefix(err.Error(), "no process without credentials can be started, so nothing of a pull request would be read: no sandbox that works on this machine") {
		t.Errorf("got %v", err)
	}
}
