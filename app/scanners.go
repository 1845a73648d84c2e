package app

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/plainfile"
	"github.com/secbydesign/secbydesign/app/settings"
	"github.com/secbydesign/secbydesign/scanners/catalog"
	"github.com/secbydesign/secbydesign/scanners/osv"
)

// ScannerSettings are an operator's settings for scanners, as flags or as environment variables of the same names, for
// every command that needs scanners.
type ScannerSettings struct {
	Sandbox      string `env:"SECBYDESIGN_SANDBOX" default:"auto" placeholder:"MODE" help:"Sandbox of scanner programs: auto, landlock, bwrap or off."`
	SettingsFile string `env:"SECBYDESIGN_SETTINGS_FILE" placeholder:"FILE" help:"File with scanners and rules of your own."`
	OSVURL       string `name:"osv-url" env:"SECBYDESIGN_OSV_URL" placeholder:"URL" help:"OSV service that gets the names and versions of packages, or off."`
	BuiltIn      bool   `kong:"-"` // no programs, so that a demonstration is the same on every machine
	OSVDir       string `name:"osv-dir" env:"SECBYDESIGN_OSV_DIR" placeholder:"DIR" help:"Folder of OSV's exports (ECOSYSTEM/all.zip), for looking up packages without a network."`
}

// options checks the settings. If no source of advisories is set, it uses service, unless that is empty. cache is a
// folder for programs and for indexes of exports. The mistakes are keyed by variable, and each text continues after the
// name of its variable.
func (s ScannerSettings) options(service, cache string) (o catalog.Options, mistakes map[string]error) {
	mistakes = map[string]error{}
	note := func(name string, err error) {
		if err != nil {
			mistakes[name] = err
		}
	}
	var err error
	o, err = readSettingsFile(s.SettingsFile)
	note("SETTINGS_FILE", err)
	o.BuiltIn = s.BuiltIn
	index := ""
	if cache != "" {
		o.Cache, index = filepath.Join(cache, "programs"), filepath.Join(cache, "osv")
	}
	o.Sandbox, err = catalog.ParseSandbox(s.Sandbox)
	note("SANDBOX", err)
	switch {
	case s.OSVURL != "" && s.OSVDir != "":
		note("OSV_DIR", errors.New("is set beside SECBYDESIGN_OSV_URL: set one of them"))
	case s.OSVDir != "":
		o.OSV, err = offline(s.OSVDir, index)
		note("OSV_DIR", err)
	case s.OSVURL == "off":
	case s.OSVURL != "":
		o.OSV.URL = strings.TrimSuffix(s.OSVURL, "/")
		note("OSV_URL", webAddress(o.OSV.URL))
	default:
		o.OSV.URL = service
	}
	return o, mistakes
}

func offline(dir, cache string) (osv.Options, error) {
	absolute, err := filepath.Abs(dir)
	if err == nil {
		_, err = os.ReadDir(absolute)
	}
	if err != nil {
		return osv.Options{}, fmt.Errorf("is %q: write the path of a folder that can be read", dir)
	}
	return osv.Options{Dir: absolute, Cache: cache}, nil
}

// local returns the options for a command on this machine. They ask no service unless the settings name one. The error
// has all mistakes, by the name of the variable.
func (s ScannerSettings) local() (catalog.Options, error) {
	cache, err := os.UserCacheDir()
	if err == nil {
		cache = filepath.Join(cache, "secbydesign")
	}
	options, mistakes := s.options("", cache) // without a cache, the index is made each time
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(mistakes)) {
		wrong = append(wrong, fmt.Errorf("SECBYDESIGN_%s %w", name, mistakes[name]))
	}
	return options, errors.Join(wrong...)
}

// settingsBytes is far more than any settings file, or any policy, needs.
const settingsBytes = 1 << 20

// readSettingsFile reads the operator's settings file. Without a file there are no settings. The error text continues
// after the name of the setting.
func readSettingsFile(file string) (catalog.Options, error) {
	if file == "" {
		return catalog.Options{}, nil
	}
	b, err := plainfile.Read(file, settingsBytes)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return catalog.Options{}, errors.New("names a file that does not exist")
	case err != nil:
		return catalog.Options{}, errors.New("names a file that cannot be read")
	}
	s, err := settings.Parse(file, b, catalog.Names()...)
	if err != nil {
		return catalog.Options{}, fmt.Errorf("names a file with mistakes:\n%w", err)
	}
	if stat, err := os.Stat(s.Rules); s.Rules != "" && (err != nil || !stat.IsDir()) {
		return catalog.Options{}, fmt.Errorf("names a file with a mistake: there is no folder of rules %s", s.Rules)
	}
	return catalog.Options{Rules: s.Rules, Custom: s.Scanners}, nil
}
