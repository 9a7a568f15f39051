// Package signing signs addresses of images, as docs/signing.md says. It imports nothing of Calotype: copy the file into your program.
package signing

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var (
	keyName   = regexp.MustCompile(`^[a-z0-9]{1,8}$`)
	form      = regexp.MustCompile(`^(/download/|/proxy/)/*([^~/?#][^?#]*)$`)
	dots      = regexp.MustCompile(`(^|/)\.\.?(/|$)`)
	forbidden = regexp.MustCompile(`[^A-Za-z0-9._~!$&'()*+,;=:@-]`)
)

// Sign returns a path with a signature in it. The key is one of the server's, as in k1:8f0c…; expires is in seconds since 1970, 0 for never; the
// grant says what may be appended to what is returned, as in w1600s80_d3_avif-webp-jpg, "" for nothing.
func Sign(key, path string, expires int64, grant string) (string, error) {
	name, digits, _ := strings.Cut(key, ":")
	secret, err := hex.DecodeString(digits)
	if err != nil || len(secret) < 32 || !keyName.MatchString(name) {
		return "", fmt.Errorf("a key is its name, a colon and 32 bytes or more in hexadecimal digits")
	}
	parts := form.FindStringSubmatch(path)
	if parts == nil {
		return "", fmt.Errorf("%q is not the path of an image without a signature", path)
	}
	route, rest := parts[1], parts[2]
	if route == "/proxy/" {
		rest = strings.TrimPrefix(rest, "_/")
	}
	var segments []string
	for _, s := range strings.FieldsFunc(rest, func(c rune) bool { return c == '/' }) {
		s, err := url.PathUnescape(s)
		if err != nil || !utf8.ValidString(s) {
			return "", fmt.Errorf("%q is not percent-encoded UTF-8", path)
		}
		segments = append(segments, forbidden.ReplaceAllStringFunc(s, url.PathEscape))
	}
	rest = strings.Join(segments, "/")
	if dots.MatchString(rest) {
		return "", fmt.Errorf("%q has dot segments", path)
	}
	end, domain := strconv.FormatInt(expires, 10), "calotype1"
	text := name + "\n" + end + "\n"
	if grant != "" {
		grant += "_n" + strconv.Itoa(len(segments))
		domain, text = "calotype1-bounded", text+grant+"\n"
		grant = "." + grant
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(domain + "\n" + text + route + rest))
	return route + "~" + name + "." + end + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16]) + grant + "/" + rest, nil
}

// Expiry returns the end of a signature that is to be good for a time, at the least: in whole days, hours or minutes, so that addresses stay the
// same for a while.
func Expiry(now time.Time, life time.Duration) int64 {
	grid := int64(60)
	if life >= 24*time.Hour {
		grid = 24 * 60 * 60
	} else if life >= time.Hour {
		grid = 60 * 60
	}
	return (now.Add(life).Unix() + grid - 1) / grid * grid
}
