package design

import "testing"

// The patterns are compiled at their first use.
func TestAccessPatterns(t *testing.T) {
	t.Parallel()
	for l, list := range languageSinks() {
		for _, k := range list {
			if _, ok := Of(k.rule); !ok {
				t.Errorf("%s: no signal %s", l, k.rule)
			}
		}
	}
	if len(corsRules()) == 0 || len(controlRules()) == 0 {
		t.Error("no rules")
	}
	for pkg, names := range goCalls {
		for name, c := range names {
			if _, ok := Of(c.rule); !ok {
				t.Errorf("%s.%s: no signal %s", pkg, name, c.rule)
			}
		}
	}
}
