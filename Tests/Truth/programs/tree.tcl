# Dictionaries, lists and string building.
set seed 9
for {set i 0} {$i < 3000} {incr i} {
  set seed [expr {($seed * 1103515245 + 12345) % 2147483648}]
  dict lappend lists key[expr {$seed % 100}] [string repeat x [expr {$seed % 90}]]
}
puts [llength [dict keys $lists]]
