package terraform

import (
	"cmp"
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"strings"
)

// An interval is a range of addresses: those of IPv4, or the first halves of those of IPv6. It includes both ends.
type interval struct{ from, to uint64 }

func (i interval) size() uint64 { return i.to - i.from + 1 }

// The address spaces of the internet. All public addresses of IPv6 are in 2000::/3.
var (
	ipv4 = interval{0, math.MaxUint32}
	ipv6 = interval{0x2000 << 48, 0x3fff<<48 | 0xffff_ffff_ffff}
)

// A reach says how much of the internet some addresses are, for each version of IP: 0 for less than half, 1 for
// half or more, 2 for all of it.
type reach struct{ v4, v6 int }

const (
	half = iota + 1
	whole
)

// internet reports whether the addresses are half of the internet or more.
func (r reach) internet() bool { return r.v4+r.v6 > 0 }

func (r reach) String() string {
	if r.v4 == whole || r.v6 == whole {
		return "the whole internet"
	}
	return "half of the internet or more"
}

// reached returns how much of the internet the addresses are together: prefixes, addresses and the words for
// all of it.
func reached(addresses []string) reach {
	var v4, v6 []interval
	for _, address := range addresses {
		address = strings.ToLower(strings.TrimSpace(address))
		if prefix, err := netip.ParsePrefix(address); err == nil {
			if prefix.Addr().Is4() {
				v4 = append(v4, of4(prefix))
			} else {
				v6 = append(v6, of6(prefix))
			}
			continue
		}
		ip, err := netip.ParseAddr(address)
		switch {
		case address == "*" || address == "internet" || address == "any":
			return reach{v4: whole, v6: whole}
		case err == nil && ip.IsUnspecified() && ip.Is4():
			v4 = append(v4, ipv4)
		case err == nil && ip.IsUnspecified():
			v6 = append(v6, ipv6)
		}
	}
	return reach{v4: ipv4.share(v4), v6: ipv6.share(v6)}
}

// between returns how much of the internet the addresses from one to another are.
func between(from, to string) reach {
	a, err := netip.ParseAddr(from)
	b, err2 := netip.ParseAddr(to)
	if err != nil || err2 != nil || !a.Is4() || !b.Is4() || b.Less(a) {
		return reach{}
	}
	r := ipv4.share([]interval{{value4(a), value4(b)}})
	if r == half && a.As4()[0] <= 1 && b.As4()[0] == 255 { // all but addresses that nobody has
		r = whole
	}
	return reach{v4: r}
}

func value4(a netip.Addr) uint64 {
	four := a.As4()
	return uint64(binary.BigEndian.Uint32(four[:]))
}

func of4(p netip.Prefix) interval {
	from := value4(p.Masked().Addr())
	return interval{from, from + 1<<(32-p.Bits()) - 1}
}

func of6(p netip.Prefix) interval {
	sixteen := p.Masked().Addr().As16()
	from := binary.BigEndian.Uint64(sixteen[:])
	switch bits := p.Bits(); {
	case bits == 0:
		return interval{0, math.MaxUint64}
	case bits < 64:
		return interval{from, from + 1<<(64-bits) - 1}
	default:
		return interval{from, from}
	}
}

// share returns how much of the space the intervals cover together.
func (space interval) share(list []interval) int {
	slices.SortFunc(list, func(a, b interval) int { return cmp.Compare(a.from, b.from) })
	covered, next := uint64(0), space.from // next is the first address that was not looked at
	for _, i := range list {
		from, to := max(i.from, next), min(i.to, space.to)
		if from > to {
			continue
		}
		covered += to - from + 1
		if to == space.to {
			break
		}
		next = to + 1
	}
	switch {
	case covered == space.size():
		return whole
	case covered >= space.size()/2:
		return half
	}
	return 0
}
