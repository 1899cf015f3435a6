// Bring the report of a sweep to life.

startTheme();
startHeat();
startTable();
