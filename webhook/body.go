package webhook

import (
	"container/list"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	// receiveTime bounds how long one body may take. GitHub gives up after 10 seconds.
	// https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks
	receiveTime = 15 * time.Second

	// smallBody is how much of one body is held in memory. Hardly any delivery has more; the
	// bodies of those wait in files.
	smallBody = 1 << 20

	// maxMemory and maxFiles bound what all bodies hold whose signature is not verified: 64 MB of
	// memory, and files of 8 times 25 MB.
	maxMemory = 64 << 20
	maxFiles  = 8

	// fileTime is how long a body keeps its file for sure. After it, it has to make room for one
	// that waits.
	fileTime = 2 * time.Second

	firstPiece = 4 << 10
	filePiece  = 64 << 10
)

var (
	errTooLarge = errors.New("the body is larger than 25 MB")
	errTooSlow  = fmt.Errorf("the body took longer than %s", receiveTime)
	errBusy     = fmt.Errorf("%w: other bodies need the room", ErrUnavailable)
	errNotKept  = errors.New("the body cannot be kept")
)

// bodies is what all bodies share that are on their way. Nobody knows yet who sends them, so the
// room is bounded, and whoever sends the most must not keep others out: when there is no room, the
// body that came first has to leave. To push out an honest one, an attacker must send the whole
// room's worth faster than the honest sender sends its own. For the same reason the body that came
// last is the first to get a file.
type bodies struct {
	mu      sync.Mutex
	changed *sync.Cond // guarded by mu, as all below
	inside  list.List  // of *body, the oldest first
	memory  int        // bytes
	files   int
	waiting []*body // for a file

	peak int // the most that memory was

	parsing sync.Mutex // held while the body of a file is in memory
}

// A body is one that is being received.
type body struct {
	all     *bodies
	place   *list.Element
	control *http.ResponseController
	timer   *time.Timer
	dir     string // for the file

	buf    []byte   // what was received, without a file
	file   *os.File // nil for a small one; it has no name any more
	size   int
	macs   []hash.Hash
	memory int // bytes, counted in all.memory

	cause error     // why it has to leave; guarded by all.mu
	since time.Time // when it got its file; guarded by all.mu
}

// enter begins a body. The caller calls leave.
func (all *bodies) enter(control *http.ResponseController, dir string, macs []hash.Hash) *body {
	b := &body{all: all, control: control, dir: dir, macs: macs}
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.changed == nil {
		all.changed = sync.NewCond(&all.mu)
	}
	b.place = all.inside.PushBack(b)
	b.timer = time.AfterFunc(receiveTime, func() {
		all.mu.Lock()
		defer all.mu.Unlock()
		all.expel(b, errTooSlow)
	})
	return b
}

// expel makes a body leave; its goroutine learns it from the next read or wait. mu is held.
func (all *bodies) expel(b *body, cause error) {
	if b.cause != nil || b.place == nil {
		return
	}
	b.cause = cause
	_ = b.control.SetReadDeadline(time.Unix(1, 0)) // where there are no deadlines, it leaves after the read
	all.changed.Broadcast()
}

// verified takes a body out of those that may have to leave. It fails if it had to already.
func (b *body) verified() error {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	if b.cause != nil {
		return b.cause
	}
	b.out()
	_ = b.control.SetReadDeadline(time.Time{}) // the server's would end the request's context
	return nil
}

// out ends what could make the body leave. mu is held.
func (b *body) out() {
	if b.place != nil {
		b.all.inside.Remove(b.place)
		b.place = nil
	}
	b.timer.Stop()
}

// leave gives back all that the body holds. It may be called twice.
func (b *body) leave() {
	if b.file != nil {
		_ = b.file.Close()
	}
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	b.out()
	b.all.memory -= b.memory
	if b.file != nil {
		b.all.files--
	}
	b.buf, b.file, b.memory = nil, nil, 0
	b.all.changed.Broadcast()
}

// receive reads the body and hashes it. length is what its sender says of it, -1 for nothing.
func (b *body) receive(from io.Reader, length int64) error {
	first := firstPiece
	if length >= 0 {
		first = int(min(length+1, filePiece)) // one more to see the end
	}
	if err := b.grow(first); err != nil {
		return err
	}
	for {
		if len(b.buf) == cap(b.buf) {
			if err := b.room(); err != nil {
				return err
			}
		}
		n, err := from.Read(b.buf[len(b.buf):cap(b.buf)])
		for _, mac := range b.macs {
			mac.Write(b.buf[len(b.buf) : len(b.buf)+n])
		}
		b.buf, b.size = b.buf[:len(b.buf)+n], b.size+n
		if b.size > MaxBody {
			return errTooLarge
		}
		if cause := b.expelled(); cause != nil {
			return cause
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read body: %w", err)
		}
	}
}

func (b *body) expelled() error {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	return b.cause
}

// room makes room in a full buffer: a larger one, or a file that takes what is in it.
func (b *body) room() error {
	if b.file == nil && cap(b.buf) < smallBody {
		return b.grow(min(4*cap(b.buf), smallBody))
	}
	if b.file == nil {
		if err := b.openFile(); err != nil {
			return err
		}
	}
	if _, err := b.file.Write(b.buf); err != nil {
		return fmt.Errorf("%w: %w", errNotKept, err)
	}
	b.buf = b.buf[:0]
	if cap(b.buf) > filePiece {
		b.buf = make([]byte, 0, filePiece)
		b.all.mu.Lock()
		defer b.all.mu.Unlock()
		b.all.memory -= b.memory - filePiece
		b.memory = filePiece
		b.all.changed.Broadcast()
	}
	return nil
}

// grow makes the buffer larger.
func (b *body) grow(size int) error {
	if err := b.reserve(size - b.memory); err != nil {
		return err
	}
	larger := make([]byte, len(b.buf), size)
	copy(larger, b.buf)
	b.buf = larger
	return nil
}

// reserve counts n bytes more for the body. For these the oldest ones leave, itself if it is that.
func (b *body) reserve(n int) error {
	all := b.all
	all.mu.Lock()
	defer all.mu.Unlock()
	for b.cause == nil && all.memory+n > maxMemory {
		leaving := 0
		for e := all.inside.Front(); e != nil && all.memory+n-leaving > maxMemory; e = e.Next() {
			oldest := e.Value.(*body)
			all.expel(oldest, errBusy)
			leaving += oldest.memory
		}
		if b.cause == nil {
			all.changed.Wait()
		}
	}
	if b.cause != nil {
		return b.cause
	}
	b.memory += n
	all.memory += n
	all.peak = max(all.peak, all.memory)
	return nil
}

// openFile waits for one of the files that there may be, and makes it. Nobody else can open it, and
// it is gone when the process is.
func (b *body) openFile() error {
	if err := b.awaitFile(); err != nil {
		return err
	}
	file, err := os.CreateTemp(b.dir, "delivery-")
	if err == nil {
		err = os.Remove(file.Name())
	}
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	if err != nil {
		b.all.files--
		b.all.changed.Broadcast()
		return fmt.Errorf("%w: %w", errNotKept, err)
	}
	b.file = file
	return nil
}

func (b *body) awaitFile() error {
	all := b.all
	all.mu.Lock()
	defer all.mu.Unlock()
	all.waiting = append(all.waiting, b)
	defer func() {
		for i, w := range all.waiting {
			if w == b {
				all.waiting = append(all.waiting[:i], all.waiting[i+1:]...)
			}
		}
		all.changed.Broadcast()
	}()
	for b.cause == nil && (all.files >= maxFiles || all.waiting[len(all.waiting)-1] != b) {
		if again := all.expelHolder(); again > 0 {
			timer := time.AfterFunc(again, func() {
				all.mu.Lock()
				defer all.mu.Unlock()
				all.changed.Broadcast()
			})
			all.changed.Wait()
			timer.Stop()
			continue
		}
		all.changed.Wait()
	}
	if b.cause == nil {
		all.files++
		b.since = time.Now()
	}
	return b.cause
}

// expelHolder makes the body leave that has had its file for the longest, or tells after which time
// it may. 0 means that one is leaving. mu is held.
func (all *bodies) expelHolder() (again time.Duration) {
	var holder *body
	for e := all.inside.Front(); e != nil; e = e.Next() {
		b := e.Value.(*body)
		if b.since.IsZero() || holder != nil && !b.since.Before(holder.since) {
			continue
		}
		if b.cause != nil {
			return 0
		}
		holder = b
	}
	if holder == nil {
		return 0
	}
	if left := fileTime - time.Since(holder.since); left > 0 {
		return left
	}
	all.expel(holder, errBusy)
	return 0
}

// bytes gives a received body. release is called when it is not needed any more.
func (b *body) bytes() (text []byte, release func(), err error) {
	if b.file == nil {
		return b.buf, func() {}, nil
	}
	b.all.parsing.Lock()
	text = make([]byte, b.size)
	n, err := b.file.ReadAt(text[:b.size-len(b.buf)], 0)
	if err != nil {
		b.all.parsing.Unlock()
		return nil, nil, fmt.Errorf("read kept body: %w", err)
	}
	copy(text[n:], b.buf)
	return text, b.all.parsing.Unlock, nil
}
