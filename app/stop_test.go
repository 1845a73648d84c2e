package app_test

import (
	"context"
	"testing"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/demo"
)

// TestAskedToStopWhileItStarts holds that this is no failure.
func TestAskedToStopWhileItStarts(t *testing.T) {
	t.Parallel()
	w, err := demo.NewWorld(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.GitHub.Close)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Start(ctx, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	if err := w.Stop(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}
