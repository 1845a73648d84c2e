package insight

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
)

var today = time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)

// TestWilson compares with published intervals of 95 % (R. G. Newcombe: Two-sided confidence intervals for the single
// proportion, Statistics in Medicine 17, 1998, table I, method 3), and checks of each interval of 90 % that both bounds
// solve the equation that defines them: (share - p)² = z² p (1 - p) / n.
func TestWilson(t *testing.T) {
	t.Parallel()
	for _, want := range []struct {
		k, n      int
		low, high float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}} {
		low, high := wilson(want.k, want.n, 1.959963984540054)
		if math.Abs(low-want.low) > 0.00005 || math.Abs(high-want.high) > 0.00005 {
			t.Errorf("%d of %d: %.4f to %.4f, published are %.4f to %.4f", want.k, want.n, low, high, want.low, want.high)
		}
	}
	for n := 1; n <= 300; n++ {
		before := -1.0
		for k := 0; k <= n; k++ {
			low, high := Wilson(k, n)
			share := float64(k) / float64(n)
			for _, p := range []float64{low, high} {
				if left, right := (share-p)*(share-p), z*z*p*(1-p)/float64(n); math.Abs(left-right) > 1e-12 {
					t.Fatalf("%d of %d: %g is no bound: %g and %g", k, n, p, left, right)
				}
			}
			if low > share+1e-12 || high < share-1e-12 || low <= before && k > 0 {
				t.Fatalf("%d of %d: from %g to %g, after %g", k, n, low, high, before)
			}
			before = low
		}
	}
	if low, high := Wilson(0, 0); low != 0 || high != 1 {
		t.Errorf("without observations: %g to %g", low, high)
	}
}

func TestWhatDemotesARule(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                 string
		bad, all, who, pulls int
		want                 string
	}{
		{"nothing is known", 0, 0, 0, 0, record.NoiseShown},
		{"19 verdicts, all bad", 19, 19, 5, 9, record.NoiseShown},
		{"3 of 20 by chance", 3, 20, 3, 3, record.NoiseShown},
		{"4 of 20, the bound is 0.093", 4, 20, 3, 3, record.NoiseShown},
		{"5 of 20 are a quarter", 5, 20, 2, 2, record.NoiseSilent},
		{"5 of 20, in one pull request", 5, 20, 2, 1, record.NoiseObserved},
		{"5 of 24, the bound is 0.105", 5, 24, 2, 2, record.NoiseObserved},
		{"5 of 26, the bound is 0.097", 5, 26, 2, 2, record.NoiseShown},
		{"one person, 100 opinions", 100, 100, 1, 30, record.NoiseShown},
		{"two people, one pull request", 100, 100, 2, 1, record.NoiseObserved},
		{"24 of 24", 24, 24, 2, 3, record.NoiseSilent},
		{"15 % of 200", 30, 200, 4, 9, record.NoiseObserved},
		{"12 % of 200", 24, 200, 4, 9, record.NoiseShown},
		{"10 % of 100,000", 10_000, 100_000, 90, 900, record.NoiseShown},
		{"just below a quarter", 2499, 10_000, 90, 900, record.NoiseObserved},
		{"a quarter of 10,000", 2500, 10_000, 90, 900, record.NoiseSilent},
	} {
		v := record.Verdicts{All: tt.all, NotUseful: tt.bad, People: tt.who, Pulls: tt.pulls}
		if got := noiseState(v); got != tt.want {
			low, _ := Wilson(tt.bad, tt.all)
			t.Errorf("%s: %q, want %q (the bound is %.4f)", tt.name, got, tt.want, low)
		}
	}
}

func TestHowARuleComesBack(t *testing.T) {
	t.Parallel()
	quiet := record.RuleState{Rule: "gosec/G1", State: record.NoiseObserved, Since: today.AddDate(0, 0, -10), Times: 1, Version: "1.0"}
	bad := record.Verdicts{All: 30, NotUseful: 6, People: 3, Pulls: 3}
	worse := record.Verdicts{All: 40, NotUseful: 16, People: 3, Pulls: 3}
	for name, tt := range map[string]struct {
		change  func(*record.RuleState)
		version string
		v       record.Verdicts
		kind    string
		state   string
		why     string
	}{
		"as it was":                      {nil, "1.0", bad, "", "", ""},
		"another version":                {nil, "1.1", bad, record.RuleRestored, "", "another version, 1.1 instead of 1.0"},
		"a version that is not known":    {nil, "", bad, "", "", ""},
		"a demotion of unknown version":  {func(s *record.RuleState) { s.Version = "" }, "1.1", bad, "", "", ""},
		"89 days":                        {func(s *record.RuleState) { s.Since = today.Add(-noiseRest + time.Second) }, "1.0", bad, "", "", ""},
		"90 days":                        {func(s *record.RuleState) { s.Since = today.Add(-noiseRest) }, "1.0", bad, record.RuleRestored, "", "quiet for 90 days"},
		"90 days, for the second time":   {func(s *record.RuleState) { s.Since, s.Times = today.Add(-noiseRest), 2 }, "1.0", bad, "", "", ""},
		"180 days, for the second time":  {func(s *record.RuleState) { s.Since, s.Times = today.Add(-2*noiseRest), 2 }, "1.0", bad, record.RuleRestored, "", "quiet for 180 days"},
		"people changed their minds":     {nil, "1.0", record.Verdicts{All: 25, NotUseful: 1, People: 1, Pulls: 1}, record.RuleRestored, "", "1 of 25"},
		"they took everything back":      {nil, "1.0", record.Verdicts{}, record.RuleRestored, "", "0 of 0"},
		"5 % are in between":             {nil, "1.0", record.Verdicts{All: 20, NotUseful: 1, People: 1, Pulls: 1}, "", "", ""},
		"9 % are in between":             {nil, "1.0", record.Verdicts{All: 100, NotUseful: 9, People: 4, Pulls: 4}, "", "", ""},
		"it gets worse":                  {nil, "1.0", worse, record.RuleDemoted, record.NoiseSilent, "16 of 40"},
		"a silent one is not observed":   {func(s *record.RuleState) { s.State = record.NoiseSilent }, "1.0", bad, "", "", ""},
		"a silent one is shown":          {func(s *record.RuleState) { s.State = record.NoiseSilent }, "2", bad, record.RuleRestored, "", "another version"},
		"shown, 90 days after a restore": {func(s *record.RuleState) { s.State = record.NoiseShown }, "2", bad, record.RuleDemoted, record.NoiseObserved, "6 of 30"},
	} {
		s := quiet
		if tt.change != nil {
			tt.change(&s)
		}
		c, kind, err := MeasureRule(s, tt.version, today, func(time.Time) (record.Verdicts, error) { return tt.v, nil })
		if err != nil || kind != tt.kind || kind != "" && (c.State != tt.state || c.Rule != s.Rule || !strings.Contains(c.Why, tt.why) || !strings.HasSuffix(c.Why, ".")) {
			t.Errorf("%s: %q %+v, %v", name, kind, c, err)
		}
	}
	away := errors.New("the database is away")
	if _, kind, err := MeasureRule(quiet, "1.0", today, func(time.Time) (record.Verdicts, error) { return bad, away }); !errors.Is(err, away) || kind != "" {
		t.Errorf("without a record: %q, %v", kind, err)
	}
}

// TestTheWindowStandsStillWhileARuleIsDemoted: otherwise a rule would come back as the verdicts that demoted it age.
func TestTheWindowStandsStillWhileARuleIsDemoted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		s    record.RuleState
		days int // before now
	}{
		"never demoted":         {record.RuleState{}, 90},
		"restored 10 days ago":  {record.RuleState{From: today.AddDate(0, 0, -10), Since: today.AddDate(0, 0, -10)}, 10},
		"restored 100 days ago": {record.RuleState{From: today.AddDate(0, 0, -100), Since: today.AddDate(0, 0, -100)}, 90},
		"demoted 50 days ago":   {record.RuleState{State: record.NoiseObserved, Since: today.AddDate(0, 0, -50)}, 140},
		"demoted again":         {record.RuleState{State: record.NoiseSilent, Since: today.AddDate(0, 0, -50), From: today.AddDate(0, 0, -70)}, 70},
	} {
		if got, want := NoiseSince(tt.s, today), today.Add(-time.Duration(tt.days)*24*time.Hour); !got.Equal(want) {
			t.Errorf("%s: verdicts count since %s, want %s", name, got, want)
		}
	}
}

// A stream is a rule, and the verdicts on the findings that people see.
type stream struct {
	state record.RuleState
	list  []given

	demoted, restored int
	since             int // verdicts since the last restoration
}

type given struct {
	at        time.Time
	notUseful bool
	who, pull int
}

func (s *stream) verdicts(since time.Time) (v record.Verdicts, _ error) {
	who, pulls := map[int]bool{}, map[int]bool{}
	i, _ := slices.BinarySearchFunc(s.list, since, func(g given, t time.Time) int { return g.at.Compare(t) })
	for _, g := range s.list[i:] {
		if v.All++; g.notUseful {
			v.NotUseful++
			who[g.who], pulls[g.pull] = true, true
		}
	}
	v.People, v.Pulls = len(who), len(pulls)
	return v, nil
}

// measure has the meter decide, and returns the kind of the change.
func (s *stream) measure(version string, at time.Time) string {
	c, kind, _ := MeasureRule(s.state, version, at, s.verdicts)
	switch {
	case kind == record.RuleRestored:
		s.restored++
		s.since = 0
	case kind == record.RuleDemoted && s.state.State == record.NoiseShown:
		s.demoted++
	}
	if kind != "" {
		s.state = s.state.After(kind, c, at)
	}
	return kind
}

// find has one more finding, which only gets a verdict if it is shown.
func (s *stream) find(g given) {
	if s.state.State == record.NoiseShown {
		s.list = append(s.list, g)
		s.since++
	}
}

// TestNoFlapping has 10,000 findings of rules of different noise, in busy and in quiet repositories.
func TestNoFlapping(t *testing.T) {
	t.Parallel()
	const findings, seeds = 10_000, 50
	for _, tt := range []struct {
		rate           float64
		perDay         int
		least, most    int // per cent of the streams that are demoted ever
		mostTransition int
	}{
		{0.15, 20, 100, 100, 9},
		{0.15, 2, 100, 100, 13},
		{0.30, 20, 100, 100, 9},
		{0.05, 20, 0, 2, 3},
		{0.05, 2, 0, 6, 5},
		{0.02, 2, 0, 0, 0},
	} {
		t.Run(fmt.Sprintf("%g %% noisy, %d findings a day", 100*tt.rate, tt.perDay), func(t *testing.T) {
			t.Parallel()
			ever, most, all, quiet := 0, 0, 0, 0
			for seed := range uint64(seeds) {
				r := rand.New(rand.NewPCG(seed, uint64(1000*tt.rate)))
				s := stream{state: record.RuleState{Rule: "gosec/G1"}}
				at := today
				for i := range findings {
					at = at.Add(24 * time.Hour / time.Duration(tt.perDay))
					bad := r.Float64() < tt.rate
					s.find(given{at, bad, r.IntN(10), i / 3})
					if bad || i%10 == 0 || s.state.State != record.NoiseShown {
						s.measure("1.0", at)
					}
					if s.state.State != record.NoiseShown {
						quiet++
					}
				}
				if s.demoted > 0 {
					ever++
				}
				most = max(most, s.demoted+s.restored)
				all += s.demoted + s.restored
			}
			t.Logf("%d of %d streams of %d findings were demoted; at most %d changes in one, %.2f on average; quiet for %.1f %% of the findings",
				ever, seeds, findings, most, float64(all)/seeds, 100*float64(quiet)/(findings*seeds))
			if per := 100 * ever / seeds; per < tt.least || per > tt.most {
				t.Errorf("%d %% of the streams were demoted, want %d to %d", per, tt.least, tt.most)
			}
			if most > tt.mostTransition {
				t.Errorf("a rule changed %d times, want at most %d", most, tt.mostTransition)
			}
		})
	}
}

// TestDemotionsTakeTwentyNewVerdictsOfTwoPeople has random people, versions and times, and people who work against the
// meter: whatever they do, a rule that was restored is demoted by at least 20 verdicts after that, and one person alone
// demotes nothing.
func TestDemotionsTakeTwentyNewVerdictsOfTwoPeople(t *testing.T) {
	t.Parallel()
	demotions, restorations := 0, 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 3))
		s := stream{state: record.RuleState{Rule: "gosec/G1"}}
		at, people := today, 1+r.IntN(3)
		for i := range 1000 {
			at = at.Add(time.Duration(r.IntN(30)) * time.Hour)
			if r.IntN(200) == 0 { // somebody takes back what they said
				s.list = slices.DeleteFunc(s.list, func(g given) bool { return g.notUseful })
			}
			s.find(given{at, r.IntN(2) == 0, r.IntN(people), i / 3})
			before, since := s.state, s.since
			kind := s.measure(fmt.Sprint("1.", r.IntN(300)/299+int(seed%2)*i/400), at)
			switch {
			case kind == record.RuleDemoted && before.State == record.NoiseShown && since < noiseVerdicts:
				t.Fatalf("seed %d: demoted by %d verdicts", seed, since)
			case kind == record.RuleDemoted && people < noisePeople:
				t.Fatalf("seed %d: one person demoted a rule", seed)
			case kind == "" && s.state != before, kind != "" && s.state.State == before.State:
				t.Fatalf("seed %d: %q makes %+v of %+v", seed, kind, s.state, before)
			}
			if again := s.measure(s.state.Version, at); again != "" {
				t.Fatalf("seed %d: measured twice, it changes again: %q after %q", seed, again, kind)
			}
		}
		demotions, restorations = demotions+s.demoted, restorations+s.restored
	}
	if demotions < 200 || restorations < 100 {
		t.Errorf("only %d demotions and %d restorations", demotions, restorations)
	}
	t.Logf("%d demotions, %d restorations", demotions, restorations)
}
