/** The same with the long budget, which asks every case of every kind of destination. */
import './space-simulated.properties.js';
