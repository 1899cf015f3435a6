// Everything is declared; now bring the page to life.

startTheme();
startEquity();
startHistogram();
startTrips();
startPrice();
