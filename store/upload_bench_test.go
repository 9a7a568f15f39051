package store

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
)

// Uploads of 20 KB by 32 clients at once, in transactions of one record and of as many as wait. The folder of the environment's TMPDIR must be on
// a disk.
func BenchmarkUploads(b *testing.B) {
	for _, most := range []int{1, maxBatch} {
		b.Run(fmt.Sprintf("records=%d", most), func(b *testing.B) {
			s, err := Open(context.Background(), Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			x := s.index.(*sqlIndex)
			x.records.close()
			x.records = startRecorder(x.addAll)
			x.records.most = most
			var left atomic.Int64
			left.Store(int64(b.N))
			done := make(chan error)
			b.ResetTimer()
			for range 32 {
				go func() {
					for left.Add(-1) >= 0 {
						sp, err := s.Spool()
						if err == nil {
							_, err = sp.Write(randomBytes(20_000))
						}
						if err == nil {
							_, err = s.Add(context.Background(), sp, Original{Format: "png"}, Usage{})
						}
						if err != nil {
							done <- err
							return
						}
						sp.Discard()
					}
					done <- nil
				}()
			}
			for range 32 {
				if err := <-done; err != nil {
					b.Error(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "uploads/s")
		})
	}
}
