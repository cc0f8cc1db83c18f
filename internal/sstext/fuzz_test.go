package sstext

import "testing"

// FuzzParse looks for texts that Parse chokes on, or takes for sockets that cannot be.
func FuzzParse(f *testing.F) {
	for _, line := range []string{
		header, established, retransmitting, zeroWindow, synSent, multipath, timeWait, synRecv, listening, listenMPTCP, users,
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := Parse(text)
		if err != nil && rows != nil {
			t.Errorf("Parse returned both rows and the error %v", err)
		}
		for _, row := range rows {
			if row.StateNumber() == 0 || !row.Local.IsValid() || !row.Remote.IsValid() || row.Timer.Left < 0 {
				t.Errorf("Parse made up the row %+v", row)
			}
			for key := range row.Values {
				if d, err := row.Millis(key); err == nil && d < 0 {
					t.Errorf("%s is %v", key, d)
				}
			}
		}
	})
}
