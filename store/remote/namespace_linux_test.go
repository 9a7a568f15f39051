package remote

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// namespaceMark tells a run of the tests that it is in a network namespace of its own.
const namespaceMark = "CALOTYPE_TEST_NETWORK_NAMESPACE"

// inNamespace runs the test that calls it once more, in a network namespace of its own in which every address there is belongs to the machine itself:
// what listens at all addresses hears whatever anybody tries to reach, and nothing leaves it. It returns true there, and false where the other run
// has ended.
func inNamespace(t *testing.T, environment ...string) bool {
	t.Helper()
	if os.Getenv(namespaceMark) != "" {
		if err := ownAllAddresses(); err != nil {
			t.Fatal(err)
		}
		return true
	}
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	command.Env = append(append(os.Environ(), namespaceMark+"=1"), environment...)
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		command.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		command.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		command.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Start(); errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.ENOSPC) {
		t.Skipf("NOTICE: no network namespace can be made here: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	err := command.Wait()
	t.Logf("in a network namespace:\n%s", out.Bytes())
	if err != nil || !bytes.Contains(out.Bytes(), []byte("--- PASS: "+t.Name())) {
		t.Error(err)
	}
	return false
}

// ownAllAddresses starts the loopback interface and routes every address to it, as one of its own.
func ownAllAddresses() error {
	control, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(control)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(control, unix.SIOCSIFFLAGS, lo); err != nil {
		return err
	}
	if err := unix.IoctlIfreq(control, unix.SIOCGIFINDEX, lo); err != nil {
		return err
	}
	index := lo.Uint32()
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		if err := addLocalRoute(family, index); err != nil {
			return err
		}
	}
	return nil
}

// addLocalRoute does what "ip route add local default dev lo" does, by the netlink protocol (rtnetlink(7)).
func addLocalRoute(family byte, index uint32) error {
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	var m bytes.Buffer
	write := func(v any) { binary.Write(&m, binary.NativeEndian, v) }
	write(unix.NlMsghdr{Len: unix.SizeofNlMsghdr + unix.SizeofRtMsg + unix.SizeofRtAttr + 4, Type: unix.RTM_NEWROUTE, Flags: unix.NLM_F_REQUEST | unix.NLM_F_CREATE | unix.NLM_F_ACK})
	write(unix.RtMsg{Family: family, Table: unix.RT_TABLE_LOCAL, Protocol: unix.RTPROT_BOOT, Scope: unix.RT_SCOPE_HOST, Type: unix.RTN_LOCAL})
	write(unix.RtAttr{Len: unix.SizeofRtAttr + 4, Type: unix.RTA_OIF})
	write(index)
	if err := unix.Sendto(s, m.Bytes(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	reply := make([]byte, 4096)
	n, _, err := unix.Recvfrom(s, reply, 0)
	if err != nil {
		return err
	}
	// The reply is a header and a negative error number, 0 for none.
	if n < unix.SizeofNlMsghdr+4 {
		return errors.New("a short reply by netlink")
	}
	if code := int32(binary.NativeEndian.Uint32(reply[unix.SizeofNlMsghdr:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}
