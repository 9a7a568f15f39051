package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	uploadPath   = "/upload-image"
	downloadPath = "/download/"
)

// A scenario is a kind of request. Each uploads its own copies of the photos, so that none is warmed by another.
type scenario struct {
	name        string
	contentType string
	// chain returns what follows the id in the n-th URL of a photo, or false if there are only n.
	chain func(n int) (string, bool)
}

// coldScenarios ask for every print once. The original is no print: it is asked for again and again.
var coldScenarios = []scenario{
	{"jpeg 720 wide", "image/jpeg", widths("/resize:%d.jpg")},
	{"webp 720 wide", "image/webp", widths("/resize:%d.webp")},
	{"crop 200x200 far corner", "image/png", corners("/crop:-%d,-%d,200,200.png")},
	{"rotate 90, 720 wide", "image/jpeg", widths("/resize:%d/rotate:90.jpg")},
	{"original", "image/jpeg", func(int) (string, bool) { return "", true }},
}

// hits asks for the same few prints again and again, once they have been made.
var hits = scenario{"hits", "image/jpeg", widths("/resize:%d.jpg")}

// hotPrints is how many of them there are.
const hotPrints = 32

const floorName = "hits, floor"

// widths puts 480 widths into format, 480 to 959, those nearest to 720 first.
func widths(format string) func(int) (string, bool) {
	return func(n int) (string, bool) {
		distance := (n + 1) / 2
		if n%2 == 0 {
			distance = -distance
		}
		return fmt.Sprintf(format, 720+distance), n < 480
	}
}

// corners puts 64 x 64 distances from the right and lower edge into format, those nearest to the corner first.
func corners(format string) func(int) (string, bool) {
	return func(n int) (string, bool) { return fmt.Sprintf(format, 200+n%64, 200+n/64), n < 64*64 }
}

type bench struct {
	address  string
	pid      int // of the server, or 0
	photos   []photo
	clients  int // 0: as many as the scenario has by default
	duration time.Duration
	progress io.Writer
}

func (b *bench) clientsOr(n int) int {
	if b.clients > 0 {
		return b.clients
	}
	return n
}

// scenarios measures them all and puts the results into r, until ctx is done.
func (b *bench) scenarios(ctx context.Context, r *report) error {
	for _, s := range coldScenarios {
		ids, err := b.upload(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(b.progress, "%s\n", s.name)
		r.add(b.measure(ctx, b.address, b.pid, load{s.name, b.clientsOr(8), b.duration, func(n int) (target, bool) {
			chain, ok := s.chain(n / len(ids))
			return target{downloadPath + ids[n%len(ids)] + chain, s.contentType, anyLength}, ok
		}}))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return b.hitsAndFloor(ctx, r)
}

func (b *bench) hitsAndFloor(ctx context.Context, r *report) error {
	ids, err := b.upload(ctx)
	if err != nil {
		return err
	}
	hot := make([]answer, hotPrints)
	targets := make([]target, hotPrints)
	for i := range hot {
		chain, _ := hits.chain(i / len(ids))
		t := target{downloadPath + ids[i%len(ids)] + chain, hits.contentType, anyLength}
		body, err := fetch(b.address, t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.path, err)
		}
		t.length = len(body)
		hot[i], targets[i] = answer{t.path, t.contentType, body}, t
	}
	again := func(n int) (target, bool) { return targets[n%len(targets)], true }

	fmt.Fprintln(b.progress, hits.name)
	measured := b.measure(ctx, b.address, b.pid, load{hits.name, b.clientsOr(64), b.duration, again})
	r.add(measured)
	if err := ctx.Err(); err != nil {
		return err
	}

	floor, err := startFloor(hot)
	if err != nil {
		return err
	}
	defer floor.stop()
	fmt.Fprintln(b.progress, floorName)
	lowest := b.measure(ctx, floor.address, 0, load{floorName, b.clientsOr(64), b.duration, again})
	r.add(lowest)
	if lowest.RequestsPerSecond > 0 {
		r.HitsToFloor = measured.RequestsPerSecond / lowest.RequestsPerSecond
	}
	return ctx.Err()
}

// upload stores every photo under a new id, with bytes that no server has seen, and returns the ids.
func (b *bench) upload(ctx context.Context) ([]string, error) {
	ids := make([]string, len(b.photos))
	for i, p := range b.photos {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		id, err := b.store(withComment(p.data, rand.Text()), "image/jpeg")
		if err != nil {
			return nil, fmt.Errorf("uploading %s: %w", p.name, err)
		}
		ids[i] = id
	}
	return ids, nil
}

// anyType says of an upload that the server is to look what it is.
const anyType = "application/octet-stream"

// store uploads a file and returns its id.
func (b *bench) store(file []byte, contentType string) (string, error) {
	var request fasthttp.Request
	var response fasthttp.Response
	client := newClient(b.address)
	defer client.CloseIdleConnections()
	request.SetRequestURI("http://" + b.address + uploadPath)
	request.Header.SetMethod(fasthttp.MethodPost)
	request.Header.SetContentType(contentType)
	request.SetBodyRaw(file)
	if err := client.Do(&request, &response); err != nil {
		return "", err
	}
	var reply struct{ ID string }
	if err := json.Unmarshal(response.Body(), &reply); err != nil || response.StatusCode() != fasthttp.StatusCreated || reply.ID == "" {
		return "", fmt.Errorf("status %d, %.300q", response.StatusCode(), response.Body())
	}
	return reply.ID, nil
}
