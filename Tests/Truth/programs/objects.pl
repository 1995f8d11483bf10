# Hashes of arrays, string building, regular expressions, closures, sort.
use strict;
my (%lists, @closures);
my $seed = 11;
for my $i (1 .. 5000) {
  $seed = ($seed * 1103515245 + 12345) % 2147483648;
  push @{$lists{'key' . $seed % 300}}, join '-', $i, 'x' x ($seed % 50);
  push @closures, sub { $i * shift } if $i % 50 == 0;
}
my $total = 0;
for my $key (sort keys %lists) {
  $total += length $_ for grep { /x+$/ } @{$lists{$key}};
}
$total += $_->(2) for @closures;
print "$total\n";
