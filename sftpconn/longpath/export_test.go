package longpath

// TakeTurn begins what no other operation on a long path can come into.
func (s *Session) TakeTurn() (end func()) {
	s.turn <- struct{}{}
	return func() { <-s.turn }
}
