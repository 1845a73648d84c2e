package terraform

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestReached(t *testing.T) {
	t.Parallel()
	for addresses, want := range map[string]reach{
		"": {},
		"10.0.0.0/8 172.16.0.0/12 192.168.0.0/16": {},
		"0.0.0.0/0":                           {v4: whole},
		"10.20.30.40/0":                       {v4: whole},
		"0.0.0.0":                             {v4: whole},
		"0.0.0.0/32":                          {},
		"0.0.0.0/1":                           {v4: half},
		"128.0.0.0/1 0.0.0.0/1":               {v4: whole},
		"128.0.0.0/1 128.0.0.0/2 192.0.0.0/2": {v4: half},
		"0.0.0.0/2 64.0.0.0/3":                {},
		"0.0.0.0/2 0.0.0.0/2":                 {},
		"0.0.0.0/2 128.0.0.0/2":               {v4: half},
		"::/0":                                {v6: whole},
		"0::/0":                               {v6: whole},
		"0000:0000:0000:0000:0000:0000:0000:0000/0": {v6: whole},
		"0:0:0:0:0:0:0:0/0":                         {v6: whole},
		"::":                                        {v6: whole},
		"::/1":                                      {v6: whole}, // 8000::/1 holds nobody
		"8000::/1":                                  {},
		"2000::/3":                                  {v6: whole},
		"2000::/4":                                  {v6: half},
		"2001:db8::/32 fc00::/7 ::1/128 ::/128":     {},
		"0.0.0.0/0 ::/0":                            {v4: whole, v6: whole},
		"*":                                         {v4: whole, v6: whole},
		"Internet":                                  {v4: whole, v6: whole},
		"VirtualNetwork AzureLoadBalancer sg-1 ${…}": {},
		"0.0.0.0/33 0.0.0/0 ::/129 /0":               {},
	} {
		if got := reached(strings.Fields(addresses)); got != want {
			t.Errorf("%q: got %+v, want %+v", addresses, got, want)
		}
	}
}

// However the internet is cut into pieces, all of them are all of it, and without one of them it is not.
func TestReachedInPieces(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		pieces := []uint64{0} // a piece is a prefix: bits 0 to 31 of the address, and its length above
		for range random.IntN(30) {
			i := random.IntN(len(pieces))
			address, bits := pieces[i]&0xffffffff, pieces[i]>>32
			if bits == 32 {
				continue
			}
			pieces[i] = address | (bits+1)<<32
			pieces = append(pieces, address|1<<(31-bits)|(bits+1)<<32)
		}
		var list []string
		for _, i := range random.Perm(len(pieces)) {
			a := pieces[i]
			list = append(list, fmt.Sprintf("%d.%d.%d.%d/%d", byte(a>>24), byte(a>>16), byte(a>>8), byte(a), a>>32))
		}
		if got := reached(list); got.v4 != whole {
			t.Fatalf("%v is not all: %+v", list, got)
		}
		if got := reached(list[1:]); got.v4 == whole {
			t.Fatalf("%v is all", list[1:])
		}
	}
}

func TestBetween(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, to string
		want     int
	}{
		{"0.0.0.0", "255.255.255.255", whole}, {"0.0.0.1", "255.255.255.254", whole}, {"1.1.1.1", "255.255.255.255", whole},
		{"0.0.0.0", "127.255.255.255", half}, {"64.0.0.0", "255.0.0.0", half}, {"0.0.0.0", "0.0.0.0", 0}, {"10.0.0.0", "10.255.255.255", 0},
		{"255.255.255.255", "0.0.0.0", 0}, {"", "255.255.255.255", 0}, {"::", "ffff::", 0}, {"0.0.0.0", "${…}", 0},
	} {
		if got := between(tt.from, tt.to); got.v4 != tt.want || got.v6 != 0 {
			t.Errorf("%s to %s: got %+v, want %d", tt.from, tt.to, got, tt.want)
		}
	}
}
