package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The sizes of files that are uploaded, in bytes, and how many clients upload at once.
var (
	uploadSizes   = []int{20_000, 1_000_000, 20_000_000}
	uploadClients = []int{1, 32}
)

// A taker is something that takes files. Those that are compared are told apart by their names.
type taker struct {
	name  string
	start start // makes it ready, with its data in a folder that is empty
}

// uploads are of all takers.
type uploads struct {
	Takers []string    `json:"takers"`
	Rows   []uploadRow `json:"rows"`
}

// An uploadRow is of files of one size.
type uploadRow struct {
	Bytes   int          `json:"bytes"` // of each file
	Clients int          `json:"clients"`
	Rates   []uploadRate `json:"rates"` // in the order of the takers
}

// An uploadRate is of one taker: files a second, in each round.
type uploadRate struct {
	Rounds []float64 `json:"rounds"`
	Median float64   `json:"median"`
}

// measureUploads has all takers take the same kinds of files, in alternation, so that what else the machine does hits all.
func measureUploads(ctx context.Context, o options, progress io.Writer) (u *uploads, err error) {
	if o.server == "" {
		return nil, errors.New("-uploads starts the server itself: -server names it")
	}
	takers := uploadTakers(o)
	u = &uploads{}
	for _, t := range takers {
		u.Takers = append(u.Takers, t.name)
	}
	for _, size := range uploadSizes {
		for _, clients := range uploadClients {
			fmt.Fprintf(progress, "%s, clients: %d\n", sizeName(size), clients)
			row, err := measureUploadRow(ctx, takers, size, clients, o)
			if err != nil {
				return u, err
			}
			u.Rows = append(u.Rows, row)
		}
	}
	return u, nil
}

// measureUploadRow shares -duration between the rounds. The takers keep their data for one row: disks that fill are slow.
func measureUploadRow(ctx context.Context, takers []taker, size, clients int, o options) (row uploadRow, err error) {
	dir, err := os.MkdirTemp("", "calotype-bench-")
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	row = uploadRow{Bytes: size, Clients: clients, Rates: make([]uploadRate, len(takers))}
	opens := make([]func() func([]byte) error, len(takers))
	for i, t := range takers {
		own := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(own, 0o700); err != nil {
			return row, err
		}
		open, stop, err := t.start(ctx, own)
		if err != nil {
			return row, fmt.Errorf("%s: %w", t.name, err)
		}
		defer func() { err = errors.Join(err, stop()) }()
		opens[i] = open
	}
	files := make([]*uploadFile, clients)
	for i := range files {
		if files[i], err = newUploadFile(size); err != nil {
			return row, err
		}
	}
	const unmeasured = 1 // the first round finds everything cold
	for number := range unmeasured + o.rounds {
		for turn := range takers {
			i := (turn + number) % len(takers) // who is first changes with every round
			rate, err := uploadFor(ctx, opens[i], files, o.duration/time.Duration(o.rounds))
			if err != nil {
				return row, fmt.Errorf("%s: %w", takers[i].name, err)
			}
			if number >= unmeasured {
				row.Rates[i].Rounds = append(row.Rates[i].Rounds, rate)
			}
		}
	}
	for i := range row.Rates {
		row.Rates[i].Median = medianOf(row.Rates[i].Rounds)
	}
	return row, nil
}

// uploadFor has each client upload its file again and again, with other bytes each time, and returns how many a second were taken. The
// last of each client is waited for, and so is the time.
func uploadFor(ctx context.Context, open func() func([]byte) error, files []*uploadFile, length time.Duration) (rate float64, err error) {
	var taken atomic.Int64
	var clients sync.WaitGroup
	failures := make([]error, len(files))
	start := time.Now()
	for i, file := range files {
		clients.Go(func() {
			send := open()
			for ctx.Err() == nil && time.Since(start) < length {
				file.renew()
				if failures[i] = send(file.data); failures[i] != nil {
					return
				}
				taken.Add(1)
			}
		})
	}
	clients.Wait()
	elapsed := time.Since(start)
	return float64(taken.Load()) / elapsed.Seconds(), errors.Join(append(failures, ctx.Err())...)
}

// An uploadFile is a PNG of noise, of which a few bytes can be changed.
type uploadFile struct {
	data []byte
	text int // where the chunk of text begins
}

// uploadText is how many letters there are to change.
const uploadText = 26

func newUploadFile(size int) (*uploadFile, error) {
	side := int(math.Sqrt(float64(size)))
	noise := image.NewGray(image.Rect(0, 0, side, side))
	if _, err := rand.Read(noise.Pix); err != nil {
		return nil, err
	}
	var file bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.NoCompression}
	if err := encoder.Encode(&file, noise); err != nil {
		return nil, err
	}
	const end = 12 // bytes of the chunk IEND
	data := file.Bytes()
	f := &uploadFile{text: len(data) - end}
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len("Comment\x00")+uploadText))
	chunk = append(chunk, "tEXtComment\x00"...)
	chunk = append(chunk, make([]byte, uploadText+4)...)
	f.data = slices.Concat(data[:f.text], chunk, data[f.text:])
	f.renew()
	return f, nil
}

// renew makes it another file of the same size.
func (f *uploadFile) renew() {
	chunk := f.data[f.text+4:]
	n := len("tEXtComment\x00")
	n += copy(chunk[n:], rand.Text())
	binary.BigEndian.PutUint32(chunk[n:], crc32.ChecksumIEEE(chunk[:n]))
}

func medianOf(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

func sizeName(bytes int) string {
	if bytes >= 1_000_000 {
		return fmt.Sprintf("%d MB", bytes/1_000_000)
	}
	return fmt.Sprintf("%d KB", bytes/1000)
}

// print writes the rates, and what Calotype's is to each other one: the median of the rounds' ratios.
func (u *uploads) print(out io.Writer) {
	fmt.Fprintf(out, "Files taken a second, medians of rounds in alternation; %s, %d CPUs\n\n", runtime.GOOS+"/"+runtime.GOARCH, runtime.NumCPU())
	head := []string{"files", "clients"}
	head = append(head, u.Takers...)
	for _, name := range u.Takers[1:] {
		head = append(head, u.Takers[0]+" / "+name)
	}
	rows := [][]string{head}
	for _, r := range u.Rows {
		row := []string{sizeName(r.Bytes), fmt.Sprint(r.Clients)}
		for _, rate := range r.Rates {
			row = append(row, number(rate.Median))
		}
		for _, other := range r.Rates[1:] {
			ratios := make([]float64, len(other.Rounds))
			for i := range ratios {
				ratios[i] = r.Rates[0].Rounds[i] / other.Rounds[i]
			}
			row = append(row, number(medianOf(ratios)))
		}
		rows = append(rows, row)
	}
	fmt.Fprintln(out, table(rows))
}
