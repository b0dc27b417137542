export { default } from "./de.json";
