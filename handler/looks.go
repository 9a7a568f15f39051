package handler

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/bbrks/go-blurhash"

	"calotype/store"
	"calotype/transform"
)

// How it is found out what originals look like.
const (
	looksWaiting = 2000                   // originals that are remembered to be looked at; more are passed over
	looksNoted   = 60                     // that are noted in the index together, at most
	quietTime    = 500 * time.Millisecond // for which the engine must have had nothing to do before one is looked at
	quietStep    = 50 * time.Millisecond
)

// A looker finds out what those originals look like that somebody has seen in a list, and notes it in the index for the next who does. It
// looks at one at a time, and only while there is nothing else to do. What it has not come to when the process ends is asked for anew.
type looker struct {
	h      *Handler
	wanted chan store.Original
	done   sync.WaitGroup

	mutex   sync.Mutex
	waiting map[store.Digest]bool // until it is noted what they look like
}

func startLooker(h *Handler) *looker {
	l := &looker{h: h, wanted: make(chan store.Original, looksWaiting), waiting: map[store.Digest]bool{}}
	l.done.Go(l.run)
	return l
}

// want has it found out what an original looks like, if that is not known. It does not wait.
func (l *looker) want(o store.Original) {
	if o.Blurhash != "" {
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.waiting[o.Digest] {
		return
	}
	select {
	case l.wanted <- o:
		l.waiting[o.Digest] = true
	default:
	}
}

// run looks at what is wanted until the handler is closed.
func (l *looker) run() {
	ctx := l.h.work
	var found []store.Look
	for {
		select {
		case <-ctx.Done():
			return
		case o := <-l.wanted:
			if look, known := l.look(ctx, o); known {
				found = append(found, look)
			} else {
				l.forget(o.Digest)
			}
		}
		if len(found) == 0 || len(found) < looksNoted && len(l.wanted) > 0 {
			continue
		}
		if err := l.h.store.NoteLooks(ctx, found...); err != nil && ctx.Err() == nil {
			l.h.log.Warn("what images look like could not be noted", "error", err)
		}
		// Not before: whoever lists them meanwhile would have them looked at once more.
		for _, look := range found {
			l.forget(look.Digest)
		}
		found = found[:0]
	}
}

// forget lets an original be wanted again.
func (l *looker) forget(d store.Digest) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	delete(l.waiting, d)
}

// look looks at one original. It returns false if it is not known what it looks like, and may be next time.
func (l *looker) look(ctx context.Context, o store.Original) (store.Look, bool) {
	if !l.quiet(ctx) {
		return store.Look{}, false
	}
	hash, err := l.h.blurhashOf(ctx, o)
	switch {
	case err == nil:
	case errors.Is(err, transform.ErrBroken), errors.Is(err, transform.ErrExpensive), errors.Is(err, transform.ErrTooLarge):
		hash = store.NoBlurhash
	default: // there is too much to do, or the original is gone, or damaged and may come back
		return store.Look{}, false
	}
	return store.Look{Digest: o.Digest, Blurhash: hash}, true
}

// quiet waits until the engine has had nothing to do for a while. It returns false if the handler is closed before.
func (l *looker) quiet(ctx context.Context) bool {
	tick := time.NewTicker(quietStep)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < quietTime; {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		if queue := l.h.engine.Status().Queue; queue.Running+queue.Waiting > 0 {
			began = time.Now()
		}
	}
	return true
}

// blurhashOf has a small print of an original looked at.
func (h *Handler) blurhashOf(ctx context.Context, o store.Original) (string, error) {
	chain, err := transform.Chain{}.In(transform.FormatNamed("png")).Resized(placeholderSide, placeholderSide)
	if err != nil {
		return "", err
	}
	plan, err := transform.NewPlan(chain, seen(o), h.engine.Limits())
	if err != nil {
		return "", err
	}
	rendition, err := h.engine.Render(ctx, transform.Job{
		Open: func(ctx context.Context) (*os.File, error) { return h.store.Open(ctx, o) },
		Plan: plan, Look: true, Patient: true, Asker: transform.Asker{Original: o.Digest.String()},
	})
	if err != nil {
		return "", err
	}
	sketch, err := rendition.Sketch()
	if err != nil {
		return "", err
	}
	across, down := components(sketch)
	return blurhash.Encode(across, down, onWhite(sketch))
}
