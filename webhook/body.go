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
	// receiveTime bounds the time to receive one body. GitHub gives up after 10 seconds.
	// https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks
	receiveTime = 15 * time.Second

	// smallBody is how much of one body is held in memory. Few deliveries are larger; their bodies are stored in
	// files.
	smallBody = 1 << 20

	// maxMemory and maxFiles bound all bodies with an unverified signature together: 64 MB of memory, and 8 files
	// of up to 25 MB.
	maxMemory = 64 << 20
	maxFiles  = 8

	// fileTime is how long a body certainly keeps its file. After that it must make room for a waiting one.
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

// bodies is the state shared by all bodies that are being received. Their senders are not known yet, so the room
// is bounded, and the busiest sender must not keep others out: if there is no room, the oldest body is expelled.
// To expel an honest one, an attacker must fill the whole room faster than the honest sender sends its body. For
// the same reason the newest body is the first to get a file.
type bodies struct {
	mu      sync.Mutex
	changed *sync.Cond // guarded by mu, like all fields below
	inside  list.List  // of *body, the oldest first
	memory  int        // bytes
	files   int
	waiting []*body // for a file

	peak int // highest value of memory

	// kept has the buffers of earlier bodies for the next ones, as long as the garbage collector lets it. They still have
	// what was in them, and nobody reads beyond what the next body has received.
	kept sync.Pool // of *[filePiece]byte

	parsing sync.Mutex // held while a body from a file is in memory
}

// A body is a delivery's body while it is being received.
type body struct {
	all     *bodies
	place   *list.Element
	control *http.ResponseController
	timer   *time.Timer
	dir     string // for the file

	buf    []byte   // received data that is not in the file
	file   *os.File // nil for a small body; already removed from its folder
	size   int
	macs   []hash.Hash
	memory int // bytes, counted in all.memory

	cause error     // why it was expelled; guarded by all.mu
	since time.Time // when it got its file; guarded by all.mu
}

// enter begins a body. The caller must call leave.
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

// expel makes a body fail; its goroutine notices at the next read or wait. The caller holds mu.
func (all *bodies) expel(b *body, cause error) {
	if b.cause != nil || b.place == nil {
		return
	}
	b.cause = cause
	_ = b.control.SetReadDeadline(time.Unix(1, 0)) // may be unsupported; then it fails after the read
	all.changed.Broadcast()
}

// verified exempts a body from being expelled. It returns an error if the body was expelled already.
func (b *body) verified() error {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	if b.cause != nil {
		return b.cause
	}
	b.out()
	_ = b.control.SetReadDeadline(time.Time{}) // the server's deadline would end the request's context
	return nil
}

// out exempts the body from being expelled. The caller holds mu.
func (b *body) out() {
	if b.place != nil {
		b.all.inside.Remove(b.place)
		b.place = nil
	}
	b.timer.Stop()
}

// leave releases everything that the body holds. It may be called twice.
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
	b.all.keepBuffer(b.buf)
	b.buf, b.file, b.memory = nil, nil, 0
	b.all.changed.Broadcast()
}

// receive reads and hashes the body. length is the size announced by the sender, or -1 if unknown.
func (b *body) receive(from io.Reader, length int64) error {
	first := firstPiece
	if length >= 0 {
		first = int(min(length+1, filePiece)) // one more byte to detect the end
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

// room makes room in a full buffer: it enlarges the buffer, or writes its content to a file.
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
		b.buf = b.all.newBuffer(filePiece)
		b.all.mu.Lock()
		defer b.all.mu.Unlock()
		b.all.memory -= b.memory - filePiece
		b.memory = filePiece
		b.all.changed.Broadcast()
	}
	return nil
}

// grow makes the buffer larger: to size bytes, or to those of a kept buffer.
func (b *body) grow(size int) error {
	if filePiece/4 < size && size < filePiece {
		size = filePiece
	}
	if err := b.reserve(size - b.memory); err != nil {
		return err
	}
	larger := b.all.newBuffer(size)[:len(b.buf)]
	copy(larger, b.buf)
	b.all.keepBuffer(b.buf)
	b.buf = larger
	return nil
}

// newBuffer returns an empty buffer of this capacity.
func (all *bodies) newBuffer(size int) []byte {
	if size == filePiece {
		if kept, ok := all.kept.Get().(*[filePiece]byte); ok {
			return kept[:0]
		}
	}
	return make([]byte, 0, size)
}

// keepBuffer ends the use of a buffer.
func (all *bodies) keepBuffer(buf []byte) {
	if cap(buf) == filePiece {
		all.kept.Put((*[filePiece]byte)(buf[:filePiece]))
	}
}

// reserve counts n more bytes for the body. To make room it expels the oldest bodies, possibly this one.
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

// openFile waits until the body may have a file, and creates it. No other process can open the file, and it
// disappears with this process.
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

// expelHolder expels the body that has had its file for the longest, or returns the time after which that is
// allowed. It returns 0 if a body is being expelled. The caller holds mu.
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

// bytes returns the received body. The caller must call release when it no longer needs text, and not use it after leave.
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
