# Changes a hash of a fixed size and answers every line of input: leaky.pl leak|steady MILLISECONDS
use strict;
use warnings;

my ($mode, $milliseconds) = @ARGV;
my (%table, @kept);
my $number = 0;
$| = 1;

sub remember_request { push @kept, "y" x (300 + $_[0] % 50) }

while (1) {
  my $ready = "";
  vec($ready, 0, 1) = 1;
  if (select($ready, undef, undef, $milliseconds / 1000) > 0) {
    sysread(STDIN, my $line, 64) or last;
    print "ok\n";
  }
  for (1 .. 10) {
    $number++;
    $table{$number * 7919 % 97} = "x" x (20 + $number * 31 % 900);
    delete $table{$number % 97} if $number % 3 == 0;
  }
  remember_request($number) if $mode eq "leak";
}
