package stats

// historySeconds is how far back single seconds are known.
const historySeconds = 60

// history is the traffic of the last seconds, one slot each.
type history struct {
	slots [historySeconds + 1]Traffic // that of a second is at the second's number modulo the length
	last  int                         // the newest second that has a slot
}

// at returns the slot of a second, or of the newest one if that is later.
func (h *history) at(second int) *Traffic {
	h.advance(second)
	return &h.slots[h.last%len(h.slots)]
}

// advance empties the slots of the seconds up to the given one.
func (h *history) advance(second int) {
	for range min(second-h.last, len(h.slots)) {
		h.last++
		h.slots[h.last%len(h.slots)] = Traffic{}
	}
	h.last = max(h.last, second)
}

// before returns the seconds before the given one, which is not over yet.
func (h *history) before(second int) []Traffic {
	h.advance(second)
	var list []Traffic
	for s := max(0, h.last-historySeconds); s < h.last; s++ {
		list = append(list, h.slots[s%len(h.slots)])
	}
	return list
}
