package handler

import (
	"bytes"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"sync"

	"github.com/valyala/fasthttp"

	"calotype/handler/tus"
	"calotype/store"
	"calotype/transform"
)

// markEvery is after how many bytes of a request they are made durable: what a crash can take of an upload under way.
const markEvery = 16 << 20

// receiveBuffers are those that bytes go through.
var receiveBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// receive appends the body of a request to an upload, and returns the image if that is complete now. What has come counts, however the request ends, but
// with a checksum all of it or nothing.
func (h *Handler) receive(ctx *fasthttp.RequestCtx, body *uploadBody, file *store.Held, sum tus.Checksum) (store.Original, error) {
	check := sum.Hash()
	err := h.copyBody(ctx, body, file, check)
	if check != nil && err == nil {
		if bytes.Equal(check.Sum(nil), sum.Want) {
			err = h.recognize(file)
		} else {
			err = errChecksum
		}
	}
	switch {
	case file.Refused != "":
	case check != nil && err != nil:
		err = errors.Join(err, file.Rollback())
	default:
		err = errors.Join(err, file.Mark())
	}
	if err != nil || file.Part || !file.Complete() {
		return store.Original{}, err
	}
	return h.keepFile(ctx, file)
}

// copyBody writes a body to an upload, as far as its length, and adds it to check, if that is not nil.
func (h *Handler) copyBody(ctx *fasthttp.RequestCtx, body *uploadBody, file *store.Held, check hash.Hash) error {
	most := h.tenantOf(ctx).MaxUploadBytes
	if file.Length >= 0 {
		most = file.Length
	}
	buffer := receiveBuffers.Get().(*[64 << 10]byte)
	defer receiveBuffers.Put(buffer)
	recognized := false
	for {
		n, err := body.Read(buffer[:])
		n = int(min(int64(n), most-file.Len()+1))
		if file.Len()+int64(n) > most {
			if file.Length < 0 {
				return h.refuseFile(file, h.tenantOf(ctx).tooLarge())
			}
			n, err = int(most-file.Len()), io.EOF // what goes beyond the length is not taken
		}
		if n > 0 {
			if _, err := file.Write(buffer[:n]); err != nil {
				return err
			}
			if check != nil {
				check.Write(buffer[:n])
			}
		}
		if check == nil && !recognized { // else the bytes may be others than were meant
			if err := h.recognize(file); err != nil {
				return err
			}
			recognized = file.Len() >= transform.Recognized
		}
		switch {
		case err == io.EOF:
			return nil
		case err == errStopped && h.Draining():
			return transform.ErrStopping
		case err == errStopped:
			return store.ErrHeld // somebody else holds it from now on
		case err != nil:
			return errCutOff
		}
		if check == nil && file.Len()-file.Offset >= markEvery {
			if err := file.Mark(); err != nil {
				return err
			}
		}
	}
}

// recognize refuses an upload whose beginning tells that it is no image, once that is there. What becomes a part of another is not looked at, nor is what was.
func (h *Handler) recognize(file *store.Held) error {
	if file.Part || file.Offset >= transform.Recognized || file.Len() < transform.Recognized && file.Len() != file.Length {
		return nil
	}
	f, err := file.File()
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, transform.Recognized)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return err
	}
	if err := h.engine.Recognize(head[:n]); err != nil {
		return h.refuseFile(file, err)
	}
	return nil
}

// keepFile makes a complete upload an image: as one that came in one request, but under the id that it has. If that fails for a reason that will not pass,
// the upload is refused.
func (h *Handler) keepFile(ctx *fasthttp.RequestCtx, file *store.Held) (store.Original, error) {
	spool, err := file.Spool()
	if err != nil {
		return store.Original{}, err
	}
	defer spool.Discard()
	o, err := h.keepSpool(ctx, spool, file.Name, file.ID)
	switch p, _ := explain(err); {
	case err == nil, errors.Is(err, store.ErrGone):
		file.Remove()
	case p.status == fasthttp.StatusUnsupportedMediaType, p.status == fasthttp.StatusUnprocessableEntity:
		err = h.refuseFile(file, err)
	}
	return o, err
}

// refuseFile notes why an upload is not kept, and returns that.
func (h *Handler) refuseFile(file *store.Held, why error) error {
	_, body := explain(why)
	text, err := json.Marshal(refusal{body})
	if err == nil {
		err = file.Refuse(string(text))
	}
	return errors.Join(why, err)
}

// A refusal is the problem for which an upload was not kept, as it was told then and is told again.
type refusal struct{ problemBody }

func (r *refusal) Error() string { return r.Detail }

// problem is that which it was.
func (r *refusal) problem() problem {
	for _, p := range problems {
		if problemType(p) == r.Type {
			return p
		}
	}
	return internal
}

// refused is why an upload is not kept; nil if it may be.
func refused(r store.Resumable) error {
	if r.Refused == "" {
		return nil
	}
	why := &refusal{}
	if err := json.Unmarshal([]byte(r.Refused), why); err != nil {
		return err
	}
	return why
}
