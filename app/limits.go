package app

import (
	"context"
	"time"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
)

// sharedLimits shares GitHub's limits by the ledger, which is opened later.
func (a *app) sharedLimits() *installation.Shared {
	return &installation.Shared{
		Limits: func(ctx context.Context, id int64) (list []installation.Limit, err error) {
			known, err := a.ledger.Limits(ctx, id)
			for _, l := range known {
				list = append(list, installation.Limit(l))
			}
			return list, err
		},
		Keep: func(ctx context.Context, id int64, l installation.Limit) error {
			return a.ledger.KeepLimit(ctx, id, ledger.Limit(l))
		},
		Reserve: func(ctx context.Context, id int64, pace time.Duration, content bool, perHour int) (time.Duration, bool, error) {
			return a.ledger.ReserveWrite(ctx, id, pace, content, perHour)
		},
	}
}
