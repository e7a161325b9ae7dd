/**
 * The words that generated names are made of. Surnames are those of people in science, engineering and medicine, of all
 * times and continents, in ASCII letters.
 */
export const adjectives: readonly string[] =
  `able agile airy ample amber arctic astute autumn balmy bold breezy bright brisk bubbly calm candid carefree cheery civil clever coastal cordial cosmic
crisp curious dainty dapper daring dawning deft devoted diligent earnest easy elated even fair fearless fleet fluent fond frank
fresh genial gentle giddy glad gleaming golden graceful handy hardy honest humble ideal inventive jaunty jolly keen kind lively
lucid lucky lunar mellow merry mindful mirthful modest musical neat nimble noble open orderly patient peppy plucky polite prudent
quick quiet radiant rapid ready robust rosy savvy serene shiny silent silver sincere smiling snappy solar spry stable steady stoic
sturdy subtle sunny supple swift tactful tender thrifty tidy tranquil trusty upbeat verdant vernal vibrant warm willing winged wise witty`.split(
    /\s+/,
  );

export const surnames: readonly string[] =
  `abbe abel adler agnesi airy alembert alhazen allen alvarez ampere anderson apgar aryabhata avicenna avogadro ayrton babai
baird banach banneker bardeen barre bateson becquerel bell bernoulli berzelius bessel bhatnagar biot birkhoff boole born boyle
bragg brahe braun brattain brunel buchner buffon burbidge cajal calvin candolle cannon cantor cardano carnot carr carver
cassini cauchy cavendish celsius cerf chadwick chandra charpak charpentier chebyshev chern chevreul chien clarke clausius cockcroft
codd coriolis coulomb cray crick curl cuvier daguerre dalton davy debye dedekind descartes diesel dijkstra dirac doppler
drebbel earle eckert eddington ehrlich eiffel elion ellet engelbart eratosthenes erdos erlang esaki euclid euler faraday fechner fermat feynman
fibonacci fizeau fleming floyd fourier fraunhofer fresnel frisch fukui galois galvani gauss geiger germain gibbs gilbreth golgi
goodricke grothendieck haber hadamard hahn haldane halley hamming hardy harvey heaviside heisenberg helmholtz henry heron hertz hess
hilbert hipparchus hodgkin hooke horner hounsfield hubble humboldt hutton huygens hypatia imhotep jackson jacobi jansky jansen jenner johnson joule
kapitsa karle kelvin kepler khayyam khorana khwarizmi kirchhoff knuth koch kolmogorov kwolek lagrange landau laplace lavoisier
leavitt leeuwenhoek legendre leibniz lenz liebig linnaeus lorentz lovelace lyell mach malpighi marconi maxwell mcclintock mendel
mendeleev mercator milankovic millikan minkowski mirzakhani moebius moissan morse nakamura napier nash needham nernst neumann newcomen nightingale
nobel noether noyce oersted ohm ostwald pascal pauli pauling payne peano perkin petit planck poincare poisson popov porter priestley
ptolemy qian rabi rahman ramanujan raman rayleigh rejewski riemann ritchie ritter rontgen rosalind rowland rubin rutherford sabin saha
sakharov salam schrodinger seki shannon sikorsky sommerville spallanzani steinmetz stevin stirling stokes strutt suzuki swan szilard tao tesla
thales thomson tikhonov torricelli tsiolkovsky turing tu urey vaughan vernier viete virchow volta wankel watt weber wegener wien
wiener wiles wilkes wohler wu yalow young yukawa zeeman zhang zu zuse zworykin`.split(/\s+/);
